-- Who asked to see which photo, and why. Only added to.
create table photo_view (
    view_id uuid not null primary key,
    street_id uuid not null,
    photo_id uuid not null,
    sha256 bytea not null,
    user_id uuid not null,
    variant text not null,
    reason text,
    at_ms bigint not null
);
create index photo_view_photo on photo_view (street_id, photo_id, at_ms);
