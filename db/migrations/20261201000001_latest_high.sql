-- migrate:up

-- What the page's alert budget is made of: one score in fifty. LOWEST in ui/threshold/whatif.py is the same.
create index scores_latest_high on scores (arrival desc) include (transaction_id, score) where score >= 0.001;

-- migrate:down

drop index scores_latest_high;
