"""Kafka as the services use it: group member, transactions, lag, scans of topics, dead letters, and the loop."""
