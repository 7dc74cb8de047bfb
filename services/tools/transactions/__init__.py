"""Kafka transactions without an end: finds them, and ends them."""
