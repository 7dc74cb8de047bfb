"""`python -m services.tools.retention`: delete rows older than RETENTION_DAYS, while everything runs. Safe to repeat.

Needs the rights of the database's owner. Exit code: 0 done; 1 failed, perhaps in part: run it again; 2 wrong arguments.
"""

import argparse
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

from services.common.database import session
from services.common.logs import get_logger
from services.tools.command import exit_code
from services.tools.retention.delete import RetentionJob
from services.tools.retention.settings import MOST_DAYS, RetentionSettings

BATCH_ROWS = 5_000
"""Transactions deleted in one database transaction."""


def main(arguments: list[str] | None = None) -> int:
    """Delete; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m services.tools.retention", description=__doc__, allow_abbrev=False)
    parser.add_argument("--days", type=_days, help="default: RETENTION_DAYS")
    parser.add_argument("--dry-run", action="store_true", help="only count old rows; reads whole tables")
    options = parser.parse_args(arguments)
    return exit_code("retention", lambda: retain(options.days, dry_run=options.dry_run))


def retain(days: int | None, *, dry_run: bool) -> None:
    """Delete, or count, rows older than this many days; by default RETENTION_DAYS.

    Raises:
        Stop, Retry: the settings or the database cannot be used.
    """
    if not (days := RetentionSettings.read().days if days is None else days):
        print("RETENTION_DAYS is 0: nothing is deleted")
        return
    before = datetime.now(UTC) - timedelta(days=days)
    started, deleted = time.monotonic(), Counter[str]()
    try:
        with session("fraud-retention", statement_timeout=600_000, lock_timeout=5_000) as connection:
            old = RetentionJob(connection, before, BATCH_ROWS)
            if dry_run:
                for table, rows in old.count().items():
                    print(f"{rows:>12,} rows of {table} are older than {before:%Y-%m-%d %H:%M} UTC")
                return
            for batch in old.delete():
                deleted.update(dict(batch))
    finally:
        if deleted:
            get_logger().info("rows_deleted", seconds=round(time.monotonic() - started, 1), **deleted)
    for table, rows in deleted.items():
        print(f"{rows:>12,} rows of {table} deleted")


def _days(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) <= MOST_DAYS:
        return int(text)
    raise argparse.ArgumentTypeError(f"expected 0 to {MOST_DAYS}, got {text}")


if __name__ == "__main__":
    sys.exit(main())
