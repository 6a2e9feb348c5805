-- What is still to be done with received photos: one row for the bytes, the stage and its version, so
-- that nothing is done twice. `due_ms` is when it may be taken, or until when whoever took it
-- (`holder`) has it; what failed for good stays with its reason.
create table job (
    sha256 bytea not null,
    stage text not null,
    version bigint not null,
    photo_id uuid not null,
    state text not null,
    attempts bigint not null,
    due_ms bigint not null,
    holder uuid,
    reason text,
    created_ms bigint not null,
    ended_ms bigint,
    primary key (sha256, stage, version)
);
create index job_due on job (state, stage, due_ms);

-- What was read from the bytes of a photo, whatever photo ids they came under. `body` has all of
-- it as JSON; null hashes where the bytes could not be decoded.
create table photo_reading (
    sha256 bytea primary key,
    version bigint not null,
    phash64 bytea,
    phash256 bytea,
    body bytea not null,
    read_ms bigint not null
);

-- Where a photo that looks like another one is found: one slot of a street for its bytes, and one for
-- each 16 bits of the hash of its looks, where it has one.
create table photo_slot (
    street_id uuid not null,
    slot bigint not null,
    photo_id uuid not null,
    sha256 bytea not null,
    phash64 bytea,
    primary key (street_id, slot, photo_id, sha256)
);

-- What the record says of a photo: offices, kind, typed code, time and place of its visit, as JSON.
-- Derived from ops.
create table photo_record (
    street_id uuid not null,
    photo_id uuid not null,
    body bytea not null,
    primary key (street_id, photo_id)
);

-- What is to be looked at about a photo: derived from its reading and its record, never a verdict.
-- `other_id` is the other photo where there is one, else nil.
create table photo_finding (
    street_id uuid not null,
    photo_id uuid not null,
    code text not null,
    other_id uuid not null,
    body bytea not null,
    found_ms bigint not null,
    primary key (street_id, photo_id, code, other_id)
);
create index photo_finding_other on photo_finding (street_id, other_id);

create index photo_bytes on photo (sha256);
