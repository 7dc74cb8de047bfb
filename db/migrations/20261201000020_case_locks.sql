-- migrate:up

-- Who works on a case, so that no two analysts take the same one. A lock ends by itself: what is left lying returns.
create table case_locks (
    transaction_id text primary key check (char_length(transaction_id) between 1 and 128),
    analyst text not null check (char_length(analyst) between 1 and 64),
    locked_until timestamptz not null
);
comment on table case_locks is 'The cases that analysts are working on; a row whose time has passed locks nothing.';

grant select, insert, delete on case_locks to fraud_ui;
grant update (analyst, locked_until) on case_locks to fraud_ui;

-- migrate:down

drop table case_locks;
