-- Who asked to see which photo, and why. Only added to.
create table photo_view (
    view_id blob not null primary key,
    street_id blob not null,
    photo_id blob not null,
    sha256 blob not null,
    user_id blob not null,
    variant text not null,
    reason text,
    at_ms integer not null
) strict, without rowid;
create index photo_view_photo on photo_view (street_id, photo_id, at_ms);
