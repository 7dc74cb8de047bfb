-- migrate:up

-- What another model would have said: written by services.backfill, which the owner runs.
create table backfill_runs (
    run_id bigint generated always as identity primary key,
    model_version text not null,
    model_sha256 text not null,
    threshold double precision not null check (threshold between 0 and 1),
    -- partition -> [first, end) of the topic transactions
    ranges jsonb not null,
    started_at timestamptz not null default now(),
    ended_at timestamptz,
    -- The comparison with the live scores, as it was printed.
    report jsonb
);
comment on table backfill_runs is 'Each run of services.backfill: the model, the messages it scored, and how it compares. No ended_at: it failed.';

create table backfill_scores (
    run_id bigint not null references backfill_runs on delete cascade,
    transaction_id text not null check (char_length(transaction_id) between 1 and 128),
    score double precision not null check (score between 0 and 1),
    fraud_flag smallint not null check (fraud_flag in (0, 1)),
    primary key (run_id, transaction_id)
);
comment on table backfill_scores is 'The scores of a run, the last of each transaction.';

grant select on backfill_runs to fraud_ui;

-- migrate:down

drop table backfill_scores, backfill_runs;
