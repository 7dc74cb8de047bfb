-- migrate:up

-- From which place of the topic transactions on which model scored: told by the scorers, in the Kafka transaction of the
-- first batch. The newest span that begins at or before a place is that place's.
create table model_spans (
    span text primary key,
    partition integer not null,
    first_offset bigint not null check (first_offset >= 0),
    model_version text not null,
    model_sha256 text not null,
    threshold double precision not null check (threshold between 0 and 1),
    began_at timestamptz not null,
    src_partition integer not null,
    src_offset bigint not null
);
comment on table model_spans is 'Which model scored the partitions of transactions from which offset on; src_offset is the order in which that was told.';
create index model_spans_newest on model_spans (partition, src_offset desc);

create view scores_with_models as
select s.transaction_id, s.score, s.fraud_flag, s.scored_at, s.arrival, m.model_version, m.model_sha256, m.threshold
from scores s
left join transactions t using (transaction_id)
left join lateral (
    select * from model_spans m
    where m.partition = t.src_partition and m.first_offset <= t.src_offset
    order by m.src_offset desc limit 1
) m on true;
comment on view scores_with_models is 'Each score with the model it is of: by the place of the newest message of its transaction.';

-- What a second model said of the payments that the first one scored.
create table shadow_tallies (
    tally text primary key,
    model_version text not null,
    shadow_version text not null,
    scored bigint not null check (scored >= 0),
    skipped bigint not null check (skipped >= 0),
    both_flagged bigint not null check (both_flagged >= 0),
    only_model bigint not null check (only_model >= 0),
    only_shadow bigint not null check (only_shadow >= 0),
    shift double precision not null,
    absolute_shift double precision not null check (absolute_shift >= 0),
    largest_shift double precision not null check (largest_shift between 0 and 1),
    cpu_seconds double precision not null check (cpu_seconds >= 0),
    told_at timestamptz not null,
    src_partition integer not null,
    src_offset bigint not null
);
comment on table shadow_tallies is 'Some seconds of one scorer each: shift = sum of (shadow score - score), absolute_shift = sum of its sizes.';
create index shadow_tallies_latest on shadow_tallies (told_at desc);

grant select, insert, update on model_spans, shadow_tallies to fraud_sink;
grant select on model_spans, shadow_tallies, scores_with_models to fraud_ui;

-- migrate:down

drop view scores_with_models;
drop table model_spans, shadow_tallies;
