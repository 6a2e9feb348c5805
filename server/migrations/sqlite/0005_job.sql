-- What is still to be done with received photos: one row for the bytes, the stage and its version, so
-- that nothing is done twice. `due_ms` is when it may be taken, or until when whoever took it
-- (`holder`) has it; what failed for good stays with its reason.
create table job (
    sha256 blob not null,
    stage text not null,
    version integer not null,
    photo_id blob not null,
    state text not null,
    attempts integer not null,
    due_ms integer not null,
    holder blob,
    reason text,
    created_ms integer not null,
    ended_ms integer,
    primary key (sha256, stage, version)
) strict;
create index job_due on job (state, stage, due_ms);

-- What was read from the bytes of a photo, whatever photo ids they came under. `body` has all of
-- it as JSON; null hashes where the bytes could not be decoded.
create table photo_reading (
    sha256 blob primary key,
    version integer not null,
    phash64 blob,
    phash256 blob,
    body blob not null,
    read_ms integer not null
) strict;

-- Where a photo that looks like another one is found: one slot of a street for its bytes, and one for
-- each 16 bits of the hash of its looks, where it has one.
create table photo_slot (
    street_id blob not null,
    slot integer not null,
    photo_id blob not null,
    sha256 blob not null,
    phash64 blob,
    primary key (street_id, slot, photo_id, sha256)
) strict;

-- What the record says of a photo: offices, kind, typed code, time and place of its visit, as JSON.
-- Derived from ops.
create table photo_record (
    street_id blob not null,
    photo_id blob not null,
    body blob not null,
    primary key (street_id, photo_id)
) strict;

-- What is to be looked at about a photo: derived from its reading and its record, never a verdict.
-- `other_id` is the other photo where there is one, else nil.
create table photo_finding (
    street_id blob not null,
    photo_id blob not null,
    code text not null,
    other_id blob not null,
    body blob not null,
    found_ms integer not null,
    primary key (street_id, photo_id, code, other_id)
) strict;
create index photo_finding_other on photo_finding (street_id, other_id);

create index photo_bytes on photo (sha256);
