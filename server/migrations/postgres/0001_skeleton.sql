-- Ops are the truth; buckets are the feed heads; entities are what is derived from ops, as served.
-- Tables of the hot path carry the street first: it is the unit by which data would be distributed.

create table setting (
    name text primary key,
    value text not null
);

create table org_unit (
    unit_id uuid primary key,
    parent_id uuid references org_unit (unit_id),
    code text not null unique,
    level text not null,
    name text not null
);

-- Every unit with every unit above it, itself included.
create table org_unit_above (
    unit_id uuid not null references org_unit (unit_id),
    above_id uuid not null references org_unit (unit_id),
    primary key (above_id, unit_id)
);

create table account (
    user_id uuid primary key,
    username text not null unique,
    name text not null,
    staff_no text,
    password_hash text not null,
    status text not null,
    suspended_ms bigint,
    created_ms bigint not null
);

create table role_grant (
    user_id uuid not null references account (user_id),
    role text not null,
    unit_id uuid not null references org_unit (unit_id),
    primary key (user_id, role, unit_id)
);

create table session (
    session_id uuid primary key,
    user_id uuid not null references account (user_id),
    refresh_hash bytea not null,
    created_ms bigint not null,
    expires_ms bigint not null,
    device_id uuid
);
create index session_of_user on session (user_id);

create table campaign (
    campaign_id uuid primary key,
    street_id uuid not null references org_unit (unit_id),
    name text not null,
    document_no text
);

create table campaign_phase (
    phase_id uuid primary key,
    campaign_id uuid not null references campaign (campaign_id),
    kind text not null,
    from_date text not null,
    until_date text not null,
    goals text
);
create index campaign_phase_campaign on campaign_phase (campaign_id);

create table round (
    round_id uuid primary key,
    campaign_id uuid not null references campaign (campaign_id),
    street_id uuid not null references org_unit (unit_id),
    number bigint not null,
    kind text not null,
    status text not null,
    from_ms bigint not null,
    until_ms bigint not null,
    grace_until_ms bigint not null
);
create index round_street on round (street_id);

create table team (
    team_id uuid primary key,
    street_id uuid not null references org_unit (unit_id),
    name text not null,
    leader_id uuid references account (user_id)
);

create table team_member (
    team_id uuid not null references team (team_id),
    user_id uuid not null references account (user_id),
    function text not null,
    from_ms bigint not null,
    until_ms bigint not null,
    primary key (team_id, user_id, from_ms)
);
create index team_member_user on team_member (user_id);

create table bucket (
    building_id uuid primary key,
    street_id uuid not null references org_unit (unit_id),
    unit_id uuid references org_unit (unit_id),
    seq bigint not null,
    digest_count bigint not null,
    digest_sum bytea not null
);
create index bucket_unit on bucket (unit_id);
create index bucket_street on bucket (street_id);

create table assignment (
    assignment_id uuid primary key,
    round_id uuid not null references round (round_id),
    building_id uuid not null references bucket (building_id),
    team_id uuid not null references team (team_id),
    assigned_by uuid not null references account (user_id),
    from_ms bigint not null,
    until_ms bigint not null
);
create index assignment_team on assignment (team_id);

-- Accepted ops.
create table op (
    street_id uuid not null,
    op_id uuid not null,
    building_id uuid not null,
    device_id uuid not null,
    n bigint not null,
    author_id uuid not null,
    kind text not null,
    hash bytea not null,
    content bytea not null,
    answer bytea not null,
    corrected_ms bigint not null,
    received_ms bigint not null,
    quality text not null,
    primary key (street_id, op_id)
);
-- An op of some kilobytes stays in its row: compressing it and moving it out costs more time than its
-- bytes cost space.
alter table op set (toast_tuple_target = 8160);
create index op_building on op (street_id, building_id);
create index op_device on op (street_id, device_id, n);

-- What may not take effect by itself: ops with a reason, and what is no op at all (`op_id` and what
-- follows from reading it is then null). Each as somebody sent it, once.
create table quarantine (
    street_id uuid not null,
    quarantine_id uuid not null,
    op_id uuid,
    building_id uuid,
    author_id uuid,
    sender_id uuid not null,
    device_id uuid not null,
    n bigint not null,
    kind text,
    reason text not null,
    hash bytea,
    content bytea not null,
    answer bytea not null,
    corrected_ms bigint not null,
    received_ms bigint not null,
    quality text,
    state text not null,
    decided_by uuid,
    decided_ms bigint,
    note text,
    primary key (street_id, quarantine_id)
);
create index quarantine_op on quarantine (street_id, op_id);
create index quarantine_device on quarantine (street_id, device_id, n);

-- Device incarnations, and the streets in which they have filed.
create table device (
    device_id uuid primary key,
    user_id uuid not null references account (user_id),
    first_ms bigint not null,
    revoked_ms bigint,
    revoked_by uuid references account (user_id),
    reason text
);
create table device_street (
    device_id uuid not null references device (device_id),
    street_id uuid not null references org_unit (unit_id),
    primary key (device_id, street_id)
);

-- Which device holds rows of which bucket, and until when it must have left one.
create table holding (
    street_id uuid not null,
    building_id uuid not null,
    device_id uuid not null,
    user_id uuid not null,
    given_ms bigint not null,
    purge_by_ms bigint,
    primary key (device_id, building_id)
);
create index holding_street on holding (street_id);

create table entity (
    street_id uuid not null,
    building_id uuid not null,
    kind text not null,
    entity_id uuid not null,
    seq bigint not null,
    body bytea not null,
    primary key (street_id, building_id, kind, entity_id)
);
create index entity_feed on entity (street_id, building_id, seq);

create table photo (
    photo_id uuid not null,
    sha256 bytea not null,
    building_id uuid not null,
    author_id uuid not null,
    bytes bigint not null,
    received_ms bigint not null,
    primary key (photo_id, sha256)
);
