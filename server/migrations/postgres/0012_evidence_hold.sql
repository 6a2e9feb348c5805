-- Cases that hold originals: as long as one does, nobody removes the bytes, whatever their term.
create table evidence_hold (
    hold_id uuid not null primary key,
    sha256 bytea not null,
    case_name text not null,
    reason text not null,
    -- Nil where it was set at a terminal.
    set_by uuid not null,
    set_ms bigint not null,
    lifted_by uuid,
    lifted_ms bigint,
    lift_reason text
);
create index evidence_hold_blob on evidence_hold (sha256, set_ms);
