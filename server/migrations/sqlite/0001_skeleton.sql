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
    expires_ms integer not null
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
    seq integer not null
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

create table op (
    street_id blob not null,
    op_id blob not null,
    building_id blob not null,
    device_id blob not null,
    n integer not null,
    author_id blob not null,
    kind text not null,
    state text not null,
    hash blob not null,
    content blob not null,
    answer blob not null,
    corrected_ms integer not null,
    received_ms integer not null,
    quality text not null,
    primary key (street_id, op_id)
) strict;
create index op_building on op (street_id, building_id);
create index op_device on op (device_id, n);

create table rejected_op (
    rejected_id blob primary key,
    user_id blob not null,
    device_id blob not null,
    received_ms integer not null,
    reason text not null,
    sent blob not null
) strict;

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
