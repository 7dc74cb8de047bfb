-- migrate:up

-- Nobody connects or makes temporary tables but who needs to: the sink stages its rows in some.
do $$ begin
    execute format('revoke all on database %I from public', current_database());
    execute format('grant connect on database %I to fraud_sink, fraud_ui', current_database());
    execute format('grant temporary on database %I to fraud_sink', current_database());
end $$;

-- The page asks for less time itself; this holds also for whoever has its password.
alter role fraud_ui set statement_timeout = '30s';
alter role fraud_ui set idle_in_transaction_session_timeout = '30s';

-- migrate:down

alter role fraud_ui reset statement_timeout;
alter role fraud_ui reset idle_in_transaction_session_timeout;
do $$ begin
    execute format('revoke all on database %I from fraud_sink, fraud_ui', current_database());
    execute format('grant connect, temporary on database %I to public', current_database());
end $$;
