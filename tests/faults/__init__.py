"""Exactly once, proved on the real services: whatever is killed, nothing is lost and nothing is doubled.

A case runs a pipeline (feeder, scorers, sinks on a real Kafka and a real PostgreSQL), does harm to it under load, waits
until it is quiet and checks the one invariant of all cases. Nobody helps: what ends is started again as any
orchestrator would, and that is all.
"""
