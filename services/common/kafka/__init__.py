"""What the services share of Kafka: which records are ours, the group, lag, rejects, the batch in flight."""
