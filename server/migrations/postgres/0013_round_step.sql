-- Each change of the status of a round: who decided it, when and why.
create table round_step (
    step_id uuid primary key,
    round_id uuid not null references round (round_id),
    status text not null,
    reason text,
    author_id uuid not null references account (user_id),
    at_ms bigint not null,
    -- Of a closing: the counts of the street as JSON, which later arrivals leave as they are.
    counts bytea
);
create index round_step_round on round_step (round_id);
