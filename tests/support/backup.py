"""The arguments of PostgreSQL's programs in `make backup` and `make restore`."""

BACKUP = ("pg_dump", "--format=custom")

RESTORE = (
    "pg_restore", "--clean", "--if-exists", "--single-transaction",
    "--dbname=dbname=fraud options=-cdeadlock_timeout=1h",
)  # fmt: skip
"""In a deadlock another is ended: PostgreSQL ends the one that has waited for its deadlock_timeout first."""
