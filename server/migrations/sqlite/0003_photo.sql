-- Photos on their way (upload) and photos that have arrived (photo). An upload is forgotten some
-- weeks after its end; a photo never is.

create table upload (
    upload_id blob not null primary key,
    user_id blob not null,
    -- Who of several servers writes its file; another one takes it over by naming itself here.
    server_id blob not null,
    protocol text not null,
    state text not null,
    street_id blob not null,
    building_id blob not null,
    device_id blob,
    photo_id blob,
    sha256 blob,
    kind text,
    manifest blob,
    metadata text,
    bytes integer,
    received integer not null,
    role text not null,
    parts text,
    created_ms integer not null,
    touched_ms integer not null
) strict, without rowid;
create index upload_photo on upload (user_id, photo_id);
create index upload_touched on upload (state, touched_ms);

alter table photo rename to photo_0001;
create table photo (
    street_id blob not null,
    photo_id blob not null,
    author_id blob not null,
    sha256 blob not null,
    building_id blob not null,
    device_id blob,
    kind text,
    media_type text not null,
    bytes integer not null,
    manifest blob,
    state text not null,
    reason text,
    received_ms integer not null,
    -- When its record and it were first both here.
    bound_ms integer,
    primary key (street_id, photo_id, author_id, sha256)
) strict, without rowid;
create index photo_id on photo (photo_id);
create index photo_author on photo (author_id, sha256);
create index photo_waiting on photo (street_id, state, received_ms);
insert into photo
    (street_id, photo_id, author_id, sha256, building_id, media_type, bytes, state, received_ms)
    select bucket.street_id, photo_0001.photo_id, photo_0001.author_id, photo_0001.sha256,
        photo_0001.building_id, 'application/octet-stream', photo_0001.bytes, 'stored',
        photo_0001.received_ms
    from photo_0001 join bucket on bucket.building_id = photo_0001.building_id;
drop table photo_0001;
