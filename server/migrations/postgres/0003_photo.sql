-- Photos on their way (upload) and photos that have arrived (photo). An upload is forgotten some
-- weeks after its end; a photo never is.

create table upload (
    upload_id uuid not null primary key,
    user_id uuid not null,
    -- Who of several servers writes its file; another one takes it over by naming itself here.
    server_id uuid not null,
    protocol text not null,
    state text not null,
    street_id uuid not null,
    building_id uuid not null,
    device_id uuid,
    photo_id uuid,
    sha256 bytea,
    kind text,
    manifest bytea,
    metadata text,
    bytes bigint,
    received bigint not null,
    role text not null,
    parts text,
    created_ms bigint not null,
    touched_ms bigint not null
);
create index upload_photo on upload (user_id, photo_id);
create index upload_touched on upload (state, touched_ms);

alter table photo rename to photo_0001;
alter table photo_0001 rename constraint photo_pkey to photo_0001_pkey;
create table photo (
    street_id uuid not null,
    photo_id uuid not null,
    author_id uuid not null,
    sha256 bytea not null,
    building_id uuid not null,
    device_id uuid,
    kind text,
    media_type text not null,
    bytes bigint not null,
    manifest bytea,
    state text not null,
    reason text,
    received_ms bigint not null,
    -- When its record and it were first both here.
    bound_ms bigint,
    primary key (street_id, photo_id, author_id, sha256)
);
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
