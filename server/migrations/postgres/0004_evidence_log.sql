-- The evidence log: one for the whole database, because one tree is what auditors and witnesses
-- follow. An event waits without a place until the sequencer gives it one; from then on neither its
-- bytes nor its place ever change. What waits is found by the index of `leaf_index`, which is then
-- null.
create table evidence_event (
    event_id uuid primary key,
    at_ms bigint not null,
    body bytea not null,
    leaf_index bigint unique,
    leaf_hash bytea,
    photo_id uuid,
    sha256 bytea
);
create index evidence_event_photo on evidence_event (photo_id);
create index evidence_event_blob on evidence_event (sha256);

-- What opens a commitment in an entry. Destroyed, the entry stays and says nothing about anybody.
create table evidence_salt (
    event_id uuid not null,
    name text not null,
    salt bytea not null,
    primary key (event_id, name)
);

-- Hashes of full tiles: what the level above is made of. Level 0 is in the events.
create table evidence_node (
    level bigint not null,
    node_index bigint not null,
    hash bytea not null,
    primary key (level, node_index)
);

-- Every checkpoint that was signed, and who else signed it.
create table evidence_checkpoint (
    size bigint primary key,
    root bytea not null,
    note text not null,
    at_ms bigint not null,
    timestamp_token bytea
);
create table evidence_cosignature (
    size bigint not null references evidence_checkpoint (size),
    witness text not null,
    line text not null,
    at_ms bigint not null,
    primary key (size, witness)
);

-- Checkpoints of ours that others brought back and that do not fit what is here: larger than the
-- log, or with another root. While there is one, nothing is signed.
create table evidence_known (
    size bigint not null,
    root bytea not null,
    note text not null,
    source text not null,
    at_ms bigint not null,
    primary key (size, root)
);

-- Who numbers the entries. The row is written first in each batch, so that there is one at a time
-- whatever the clocks say.
create table evidence_lease (
    lease text primary key,
    holder uuid not null,
    until_ms bigint not null
);
