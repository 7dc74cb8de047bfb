-- migrate:up

-- The files sent through the page, what became of each, and the ids of their rows: written by the page.
create table uploads (
    upload_id uuid primary key,
    file_name text not null check (char_length(file_name) between 1 and 255),
    bytes bigint not null check (bytes >= 0),
    analyst text not null check (char_length(analyst) between 1 and 64),
    state text not null default 'reading' check (state in (
        'reading', 'sending', 'sent', 'cancelled', 'interrupted', 'refused', 'kafka_away', 'kafka_refuses'
    )),
    -- Why the whole file was refused: a code of the sender's.
    refusal text,
    rows integer check (rows >= 0),
    refused integer check (refused >= 0),
    sent integer not null default 0 check (sent >= 0),
    scored integer not null default 0 check (scored >= 0),
    started_at timestamptz not null default now(),
    touched_at timestamptz not null default now()
);
comment on table uploads is 'The files sent through the page: rows read, refused by the sender, acknowledged by Kafka, scored.';
create index uploads_latest on uploads (started_at desc);

-- Ids in the order of sending, some thousands a row: an upload of a million rows is 200 of these.
create table upload_rows (
    upload_id uuid not null references uploads on delete cascade,
    chunk integer not null check (chunk >= 0),
    ids text[] not null,
    size integer not null generated always as (cardinality(ids)) stored,
    scored integer not null default 0 check (scored >= 0),
    counted_at timestamptz not null default now(),
    primary key (upload_id, chunk)
);

grant select, delete on uploads to fraud_ui;
grant insert (upload_id, file_name, bytes, analyst) on uploads to fraud_ui;
grant update (state, refusal, rows, refused, sent, scored, touched_at) on uploads to fraud_ui;
grant select on upload_rows to fraud_ui;
grant insert (upload_id, chunk, ids) on upload_rows to fraud_ui;
grant update (scored, counted_at) on upload_rows to fraud_ui;

-- migrate:down

drop table upload_rows, uploads;
