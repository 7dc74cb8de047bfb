"""Keeps scores, transactions and alerts in PostgreSQL: read, decode, write.

Offsets live in the same database transaction.
"""
