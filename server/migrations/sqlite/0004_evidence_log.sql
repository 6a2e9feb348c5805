-- The evidence log: one for the whole database, because one tree is what auditors and witnesses
-- follow. An event waits without a place until the sequencer gives it one; from then on neither its
-- bytes nor its place ever change. What waits is found by the index of `leaf_index`, which is then
-- null.
create table evidence_event (
    event_id blob primary key,
    at_ms integer not null,
    body blob not null,
    leaf_index integer unique,
    leaf_hash blob,
    photo_id blob,
    sha256 blob
) strict;
create index evidence_event_photo on evidence_event (photo_id);
create index evidence_event_blob on evidence_event (sha256);

-- What opens a commitment in an entry. Destroyed, the entry stays and says nothing about anybody.
create table evidence_salt (
    event_id blob not null,
    name text not null,
    salt blob not null,
    primary key (event_id, name)
) strict;

-- Hashes of full tiles: what the level above is made of. Level 0 is in the events.
create table evidence_node (
    level integer not null,
    node_index integer not null,
    hash blob not null,
    primary key (level, node_index)
) strict;

-- Every checkpoint that was signed, and who else signed it.
create table evidence_checkpoint (
    size integer primary key,
    root blob not null,
    note text not null,
    at_ms integer not null,
    timestamp_token blob
) strict;
create table evidence_cosignature (
    size integer not null references evidence_checkpoint (size),
    witness text not null,
    line text not null,
    at_ms integer not null,
    primary key (size, witness)
) strict;

-- Checkpoints of ours that others brought back and that do not fit what is here: larger than the
-- log, or with another root. While there is one, nothing is signed.
create table evidence_known (
    size integer not null,
    root blob not null,
    note text not null,
    source text not null,
    at_ms integer not null,
    primary key (size, root)
) strict;

-- Who numbers the entries. The row is written first in each batch, so that there is one at a time
-- whatever the clocks say.
create table evidence_lease (
    lease text primary key,
    holder blob not null,
    until_ms integer not null
) strict;
