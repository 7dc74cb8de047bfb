"""Looks at rejected records and replays them: the scorer's dead letters in Kafka, the sink's rejects in PostgreSQL."""
