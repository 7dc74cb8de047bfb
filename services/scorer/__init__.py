"""Scores transactions: read, decode, features, score, write. One Kafka transaction a batch."""
