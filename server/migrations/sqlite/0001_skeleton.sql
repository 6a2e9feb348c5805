-- Ops are the truth; buckets are the feed heads; entities are what is derived from ops, as served.
-- Tables of the hot path carry the street first: it is the unit by which data would be distributed.

create table setting (
    name text primary key,
    value text not null
) strict;

create table org_unit (
    unit_id blob primary key,
    parent_id blob references org_unit (unit_id),
    code text not null unique,
    level text not null,
    name text not null
) strict;

-- Every unit with every unit above it, itself included.
create table org_unit_above (
    unit_id blob not null references org_unit (unit_id),
    above_id blob not null references org_unit (unit_id),
    primary key (above_id, unit_id)
) strict;

create table account (
    user_id blob primary key,
    username text not null unique,
    name text not null,
    staff_no text,
    password_hash text not null,
    status text not null,
    suspended_ms integer,
    created_ms integer not null
) strict;

create table role_grant (
    user_id blob not null references account (user_id),
    role text not null,
    unit_id blob not null references org_unit (unit_id),
    primary key (user_id, role, unit_id)
) strict;

create table session (
    session_id blob primary key,
    user_id blob not null references account (user_id),
    refresh_hash blob not null,
    created_ms integer not null,
    expires_ms integer not null,
    device_id blob
) strict;
create index session_of_user on session (user_id);

create table campaign (
    campaign_id blob primary key,
    street_id blob not null references org_unit (unit_id),
    name text not null,
    document_no text
) strict;

create table campaign_phase (
    phase_id blob primary key,
    campaign_id blob not null references campaign (campaign_id),
    kind text not null,
    from_date text not null,
    until_date text not null,
    goals text
) strict;
create index campaign_phase_campaign on campaign_phase (campaign_id);

create table round (
    round_id blob primary key,
    campaign_id blob not null references campaign (campaign_id),
    street_id blob not null references org_unit (unit_id),
    number integer not null,
    kind text not null,
    status text not null,
    from_ms integer not null,
    until_ms integer not null,
    grace_until_ms integer not null
) strict;
create index round_street on round (street_id);

create table team (
    team_id blob primary key,
    street_id blob not null references org_unit (unit_id),
    name text not null,
    leader_id blob references account (user_id)
) strict;

create table team_member (
    team_id blob not null references team (team_id),
    user_id blob not null references account (user_id),
    function text not null,
    from_ms integer not null,
    until_ms integer not null,
    primary key (team_id, user_id, from_ms)
) strict;
create index team_member_user on team_member (user_id);

create table bucket (
    building_id blob primary key,
    street_id blob not null references org_unit (unit_id),
    unit_id blob references org_unit (unit_id),
    seq integer not null,
    digest_count integer not null,
    digest_sum blob not null
) strict;
create index bucket_unit on bucket (unit_id);
create index bucket_street on bucket (street_id);

create table assignment (
    assignment_id blob primary key,
    round_id blob not null references round (round_id),
    building_id blob not null references bucket (building_id),
    team_id blob not null references team (team_id),
    assigned_by blob not null references account (user_id),
    from_ms integer not null,
    until_ms integer not null
) strict;
create index assignment_team on assignment (team_id);

-- Accepted ops.
create table op (
    street_id blob not null,
    op_id blob not null,
    building_id blob not null,
    device_id blob not null,
    n integer not null,
    author_id blob not null,
    kind text not null,
    hash blob not null,
    content blob not null,
    answer blob not null,
    corrected_ms integer not null,
    received_ms integer not null,
    quality text not null,
    primary key (street_id, op_id)
) strict;
create index op_building on op (street_id, building_id);
create index op_device on op (street_id, device_id, n);

-- What may not take effect by itself: ops with a reason, and what is no op at all (`op_id` and what
-- follows from reading it is then null). Each as somebody sent it, once.
create table quarantine (
    street_id blob not null,
    quarantine_id blob not null,
    op_id blob,
    building_id blob,
    author_id blob,
    sender_id blob not null,
    device_id blob not null,
    n integer not null,
    kind text,
    reason text not null,
    hash blob,
    content blob not null,
    answer blob not null,
    corrected_ms integer not null,
    received_ms integer not null,
    quality text,
    state text not null,
    decided_by blob,
    decided_ms integer,
    note text,
    primary key (street_id, quarantine_id)
) strict;
create index quarantine_op on quarantine (street_id, op_id);
create index quarantine_device on quarantine (street_id, device_id, n);

-- Device incarnations, and the streets in which they have filed.
create table device (
    device_id blob primary key,
    user_id blob not null references account (user_id),
    first_ms integer not null,
    revoked_ms integer,
    revoked_by blob references account (user_id),
    reason text
) strict;
create table device_street (
    device_id blob not null references device (device_id),
    street_id blob not null references org_unit (unit_id),
    primary key (device_id, street_id)
) strict;

-- Which device holds rows of which bucket, and until when it must have left one.
create table holding (
    street_id blob not null,
    building_id blob not null,
    device_id blob not null,
    user_id blob not null,
    given_ms integer not null,
    purge_by_ms integer,
    primary key (device_id, building_id)
) strict;
create index holding_street on holding (street_id);

create table entity (
    street_id blob not null,
    building_id blob not null,
    kind text not null,
    entity_id blob not null,
    seq integer not null,
    body blob not null,
    primary key (street_id, building_id, kind, entity_id)
) strict;
create index entity_feed on entity (street_id, building_id, seq);

create table photo (
    photo_id blob not null,
    sha256 blob not null,
    building_id blob not null,
    author_id blob not null,
    bytes integer not null,
    received_ms integer not null,
    primary key (photo_id, sha256)
) strict;
