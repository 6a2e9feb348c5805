-- Which licences were found at work in which buildings in a round. Derived from ops like entities;
-- by code first within the street, because the question is where else a licence was found.

create table licence_site (
    street_id blob not null,
    uscc text not null,
    round_id blob not null,
    building_id blob not null,
    primary key (street_id, uscc, round_id, building_id)
) strict, without rowid;
create index licence_site_building on licence_site (street_id, building_id);
