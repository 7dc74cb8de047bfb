-- migrate:up

-- What a replay of rejected records needs: Kafka's time of the record, how often it was tried, whether it is done.
alter table sink_rejects
    add column timestamp_ms bigint,
    add column field text not null default '',
    add column attempts integer not null default 1 check (attempts >= 1),
    add column replayed_at timestamptz;
comment on table sink_rejects is 'Records that could not be kept, original bytes untouched; with replayed_at, those that were kept later.';
comment on column sink_rejects.timestamp_ms is 'Kafka''s timestamp of the record; null for rejects of before this column.';

grant update on sink_rejects to fraud_sink;

-- migrate:down

revoke update on sink_rejects from fraud_sink;
alter table sink_rejects
    drop column timestamp_ms,
    drop column field,
    drop column attempts,
    drop column replayed_at;
