-- Cases that hold originals: as long as one does, nobody removes the bytes, whatever their term.
create table evidence_hold (
    hold_id blob not null primary key,
    sha256 blob not null,
    case_name text not null,
    reason text not null,
    -- Nil where it was set at a terminal.
    set_by blob not null,
    set_ms integer not null,
    lifted_by blob,
    lifted_ms integer,
    lift_reason text
) strict, without rowid;
create index evidence_hold_blob on evidence_hold (sha256, set_ms);
