-- migrate:up

-- Roles belong to the server: another database of it may have brought them.
do $$ declare name text; begin
    foreach name in array array['fraud_sink', 'fraud_ui'] loop
        begin
            execute format('create role %I login', name);
        exception when duplicate_object or unique_violation then
            null;
        end;
    end loop;
end $$;
revoke all on schema public from public;
grant usage on schema public to fraud_sink, fraud_ui;

-- The mart: one row a transaction, the newest score of it.
create table scores (
    transaction_id text primary key check (char_length(transaction_id) between 1 and 128),
    score double precision not null check (score between 0 and 1),
    fraud_flag smallint not null check (fraud_flag in (0, 1)),
    scored_at timestamptz not null,
    src_partition integer not null,
    src_offset bigint not null,
    -- The order of arrival: what "latest" means. Unique, so that "the latest 10" has one answer.
    arrival bigint generated always as identity
);
comment on table scores is 'The newest score of each transaction, from the topic scores.';
create unique index scores_latest on scores (arrival desc) include (score);
create unique index scores_latest_flagged on scores (arrival desc) where fraud_flag = 1;

-- What a person needs to know of a payment; read from the topic transactions, so the topic scores stays three fields.
create table transactions (
    transaction_id text primary key check (char_length(transaction_id) between 1 and 128),
    event_time timestamp,
    amount double precision,
    category text,
    merchant text,
    state text,
    city text,
    customer text,
    src_partition integer not null,
    src_offset bigint not null
);
comment on table transactions is 'The context of each payment, from the topic transactions. A field that was missing is null.';

-- Where the sink stands: written in the same database transaction as the rows.
create table sink_offsets (
    cluster_id text not null,
    topic text not null,
    partition integer not null,
    next_offset bigint not null check (next_offset >= 0),
    primary key (cluster_id, topic, partition)
);

-- Records of `scores` that break the contract, original bytes untouched.
create table sink_rejects (
    topic text not null,
    partition integer not null,
    "offset" bigint not null,
    reason text not null,
    message text not null,
    key bytea,
    value bytea,
    rejected_at timestamptz not null default now(),
    cluster_id text not null,
    primary key (cluster_id, topic, partition, "offset")
);

create view scored_transactions as
select s.transaction_id, s.score, s.fraud_flag, s.scored_at, s.arrival,
       t.event_time, t.amount, t.category, t.merchant, t.state, t.city, t.customer
from scores s
left join transactions t using (transaction_id);

grant select, insert, update on scores, transactions, sink_offsets to fraud_sink;
grant insert, select on sink_rejects to fraud_sink;
grant select on scores, transactions, scored_transactions to fraud_ui;

-- migrate:down

drop view scored_transactions;
drop table scores, transactions, sink_offsets, sink_rejects;
drop owned by fraud_sink, fraud_ui;
drop role fraud_sink;
drop role fraud_ui;
