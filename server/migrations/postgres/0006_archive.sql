-- Where the bytes of originals lie, what was found out about the stores they lie in, and what
-- became of them. Nothing here is evidence itself; the log has that.

-- One copy of one original in one store; `local` is the folder beside the server.
create table archive_copy (
    sha256 bytea not null,
    store text not null,
    bucket text not null,
    key text not null,
    version text not null,
    bytes bigint not null,
    -- The lock as the store shows it: none, governance, compliance.
    mode text not null,
    -- Whether a probe had proved that such a lock holds.
    is_proven bigint not null,
    retain_until_ms bigint,
    is_held bigint not null,
    archived_ms bigint not null,
    -- Read to the end and found whole.
    verified_ms bigint not null,
    -- Read to the end, whatever was found.
    checked_ms bigint not null,
    -- whole, damaged, missing, removed
    state text not null,
    primary key (sha256, store)
);
create index archive_copy_checked on archive_copy (checked_ms, sha256);

create table archive_probe (
    probe_id uuid not null,
    store text not null,
    at_ms bigint not null,
    report text not null,
    primary key (probe_id)
);
create index archive_probe_at on archive_probe (store, at_ms);

-- A copy that was not what it should be, and whether it is again.
create table archive_finding (
    finding_id uuid not null,
    sha256 bytea not null,
    store text not null,
    at_ms bigint not null,
    found text not null,
    is_mended bigint not null,
    primary key (finding_id)
);
create index archive_finding_at on archive_finding (at_ms);

-- Two persons remove an original, after its time: one asks, another agrees.
create table archive_removal (
    sha256 bytea not null,
    asked_by uuid not null,
    asked_ms bigint not null,
    reason text not null,
    agreed_by uuid,
    agreed_ms bigint,
    removed_ms bigint,
    primary key (sha256)
);

-- Which originals lack a copy.
create index photo_original on photo (sha256, photo_id);
