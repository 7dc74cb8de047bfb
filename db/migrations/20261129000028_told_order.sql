-- migrate:up

-- Offsets begin again at 0 when a topic is recreated, so they tell neither what came later nor what is the same.

-- The order in which the sink was told of the models.
alter table model_spans add column told bigint;
update model_spans set told = ordered.number
from (select span, row_number() over (order by began_at, src_offset) as number from model_spans) as ordered
where model_spans.span = ordered.span;
alter table model_spans alter column told set not null;
alter table model_spans alter column told add generated always as identity;
select setval(pg_get_serial_sequence('model_spans', 'told'), (select coalesce(max(told), 0) + 1 from model_spans), false);
comment on table model_spans is 'Which model scored the partitions of transactions from which offset on; told is the order in which the sink heard of it.';
drop index model_spans_newest;
create index model_spans_newest on model_spans (partition, told desc);
create unique index model_spans_told on model_spans (told desc);

create or replace view scores_with_models as
select s.transaction_id, s.score, s.fraud_flag, s.scored_at, s.arrival, m.model_version, m.model_sha256, m.threshold
from scores s
left join transactions t using (transaction_id)
left join lateral (
    select m.model_version, m.model_sha256, m.threshold from model_spans m
    where m.partition = t.src_partition and m.first_offset <= t.src_offset
    order by m.told desc limit 1
) m on true;

-- A tally is known by its place and its time: the place alone comes again.
update shadow_tallies set tally = tally || '/' || round(extract(epoch from told_at) * 1000)::bigint;

-- Which topic the offsets are of: Kafka gives each a new id when it is recreated. Null: not known yet.
alter table sink_offsets add column topic_id text;

-- migrate:down

alter table sink_offsets drop column topic_id;
update shadow_tallies set tally = src_partition || '/' || src_offset
where not exists (
    select from shadow_tallies other
    where (other.src_partition, other.src_offset) = (shadow_tallies.src_partition, shadow_tallies.src_offset)
      and other.tally <> shadow_tallies.tally
);
create or replace view scores_with_models as
select s.transaction_id, s.score, s.fraud_flag, s.scored_at, s.arrival, m.model_version, m.model_sha256, m.threshold
from scores s
left join transactions t using (transaction_id)
left join lateral (
    select m.model_version, m.model_sha256, m.threshold from model_spans m
    where m.partition = t.src_partition and m.first_offset <= t.src_offset
    order by m.src_offset desc limit 1
) m on true;
drop index model_spans_newest, model_spans_told;
create index model_spans_newest on model_spans (partition, src_offset desc);
alter table model_spans drop column told;
comment on table model_spans is 'Which model scored the partitions of transactions from which offset on; src_offset is the order in which that was told.';
