-- migrate:up

-- What slips through is estimated from a random sample of the transactions that were not flagged; drawn by the page.
create table blind_draws (
    draw_id bigint generated always as identity primary key,
    drawn_at timestamptz not null default now(),
    -- Drawn from the transactions with these arrivals.
    first_arrival bigint not null unique,
    last_arrival bigint not null unique check (last_arrival >= first_arrival),
    flagged bigint not null check (flagged >= 0),
    -- Of those not flagged: how many by stratum of the score, and the probability of each to be drawn.
    populations bigint[] not null,
    probabilities double precision[] not null check (cardinality(probabilities) = cardinality(populations))
);
comment on table blind_draws is 'Each draw of the blind sample: from which arrivals, how many by stratum, and how likely each was drawn.';
create index blind_draws_latest on blind_draws (drawn_at desc);

create table blind_samples (
    transaction_id text primary key check (char_length(transaction_id) between 1 and 128),
    draw_id bigint not null references blind_draws on delete cascade,
    stratum smallint not null check (stratum >= 1),
    probability double precision not null check (probability > 0 and probability <= 1)
);
comment on table blind_samples is 'Transactions that were not flagged and await a verdict all the same; stratum is a place in the arrays of the draw.';
create index blind_samples_of_draw on blind_samples (draw_id);

grant select on blind_draws, blind_samples to fraud_ui;
grant insert (first_arrival, last_arrival, flagged, populations, probabilities) on blind_draws to fraud_ui;
grant insert on blind_samples to fraud_ui;

-- migrate:down

drop table blind_samples, blind_draws;
