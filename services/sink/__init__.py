"""Keeps scores and transactions in PostgreSQL: read, decode, write. Offsets live in the same database transaction."""
