"""Deletes from PostgreSQL what is older than RETENTION_DAYS, in small steps, while everything runs."""
