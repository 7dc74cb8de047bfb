"""Deletes rows older than RETENTION_DAYS from PostgreSQL, in small batches, while everything runs."""
