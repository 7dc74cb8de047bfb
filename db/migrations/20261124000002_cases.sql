-- migrate:up

-- Why a payment was flagged; written by the sink.
create table alerts (
    transaction_id text primary key check (char_length(transaction_id) between 1 and 128),
    reasons jsonb not null check (jsonb_typeof(reasons) = 'array'),
    model_version text not null,
    threshold double precision not null check (threshold between 0 and 1),
    alerted_at timestamptz not null,
    src_partition integer not null,
    src_offset bigint not null
);
comment on table alerts is 'Flagged transactions with the reasons: [{"feature", "direction": "up"|"down", "size", "values": {…}}], the largest first.';

-- What analysts said of payments, every word of it: a verdict is never changed, a later one takes its place.
create table verdicts (
    id bigint generated always as identity unique,
    transaction_id text not null check (char_length(transaction_id) between 1 and 128),
    -- 1 for the first verdict on a payment. Two analysts who judge what they both saw cannot both have the next number.
    ordinal integer not null check (ordinal >= 1),
    verdict text not null check (verdict in ('fraud', 'false_alarm', 'returned')),
    comment text not null default '' check (char_length(comment) <= 1000),
    analyst text not null check (char_length(analyst) between 1 and 64),
    -- The score that was judged: the payment may be scored again later.
    score double precision not null check (score between 0 and 1),
    fraud_flag smallint not null check (fraud_flag in (0, 1)),
    given_at timestamptz not null default now(),
    primary key (transaction_id, ordinal)
);
comment on table verdicts is 'Every verdict of an analyst, in order; the last one of a payment counts. "returned" puts it back into the queue.';

grant select, insert, update on alerts to fraud_sink;
grant select on alerts, verdicts to fraud_ui;
-- Append only: neither update nor delete, and no say in the number and the time.
grant insert (transaction_id, ordinal, verdict, comment, analyst, score, fraud_flag) on verdicts to fraud_ui;

-- migrate:down

drop table alerts, verdicts;
