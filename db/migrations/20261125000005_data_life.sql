-- migrate:up

-- When a payment was kept: tells the age of one that was never scored. No index: the retention job alone asks, once a run.
alter table transactions add column kept_at timestamptz not null default now();

-- By default a table is vacuumed once a fifth of it is dead, which for a table of months is days of rows at once. These
-- are vacuumed little and often, so that what the retention job deletes is soon room for new rows.
alter table scores set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.02,
    autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 1);
alter table transactions set (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.02,
    autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 1);
alter table alerts set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05);
-- A dozen rows, each changed with every batch: room for the new version beside the old one, and no index to touch.
alter table sink_offsets set (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- migrate:down

alter table transactions drop column kept_at;
alter table scores reset (autovacuum_vacuum_scale_factor, autovacuum_vacuum_insert_scale_factor,
    autovacuum_analyze_scale_factor, autovacuum_vacuum_cost_delay);
alter table transactions reset (autovacuum_vacuum_scale_factor, autovacuum_vacuum_insert_scale_factor,
    autovacuum_analyze_scale_factor, autovacuum_vacuum_cost_delay);
alter table alerts reset (autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor);
alter table sink_offsets reset (fillfactor, autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);
