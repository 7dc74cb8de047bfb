-- migrate:up

-- A customer's payments by event time: how many came before a flagged one.
create index transactions_of_customer on transactions (customer, event_time) where customer is not null;

-- migrate:down

drop index transactions_of_customer;
