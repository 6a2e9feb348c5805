-- Who a device is: the invitation by which it was enrolled, the keys by which it signs, and what it
-- said of itself when it was last heard of.

-- An invitation to register a key: once, within its time, in one street.
create table enrolment (
    enrolment_id blob primary key,
    -- SHA-256 of the code; the code itself is shown once and kept nowhere.
    code_hash blob not null,
    street_id blob not null references org_unit (unit_id),
    -- For whom; nobody in particular where it is null.
    user_id blob references account (user_id),
    made_by blob not null references account (user_id),
    made_ms integer not null,
    expires_ms integer not null,
    used_ms integer,
    device_id blob,
    -- SHA-256 of the key that was registered by it.
    fingerprint blob
) strict;
create unique index enrolment_code on enrolment (code_hash);
create index enrolment_street on enrolment (street_id, expires_ms);

-- Every key that a device ever had, for whatever it signed with each. The last is the present one.
create table device_key (
    device_id blob not null references device (device_id),
    -- SHA-256 of the key as bytes.
    fingerprint blob not null,
    public_key text not null,
    algorithm text not null,
    -- The entry of the evidence log that says so.
    event_id blob not null,
    from_ms integer not null,
    -- When another key took its place.
    until_ms integer,
    primary key (device_id, fingerprint)
) strict;

-- What a device said when it synced last.
create table device_sighting (
    device_id blob primary key,
    user_id blob not null,
    synced_ms integer not null,
    -- Records and photos that it then still held, where it says so.
    records integer,
    photos integer,
    -- Its wall clock less the server's.
    skew_ms integer
) strict;
