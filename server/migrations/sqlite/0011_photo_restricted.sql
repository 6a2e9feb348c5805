-- Photos that somebody said show an identity document, as the ops of their building say today: seen by
-- those who decide alone, and without previews.
create table photo_restricted (
    street_id blob not null,
    photo_id blob not null,
    primary key (street_id, photo_id)
) strict, without rowid;

-- How often a device has sent other bytes for a photo than were promised. The bytes are removed after
-- some weeks; this stays.
create table photo_mismatch (
    street_id blob not null,
    photo_id blob not null,
    user_id blob not null,
    -- Nil where the upload named none.
    device_id blob not null,
    times integer not null,
    last_ms integer not null,
    primary key (street_id, photo_id, user_id, device_id)
) strict, without rowid;
create index photo_mismatch_device on photo_mismatch (device_id);
