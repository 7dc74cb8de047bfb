"""Merges rows into a table by binary COPY, also where the database refuses some of them. Knows nothing of offsets."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from services.common.errors import Reason, Reject
from services.sink.tables import Table

Row = tuple[Any, ...]
"""A row of a table; ends with (partition, offset) of the record it was made of."""

Refuse = Callable[[Row, Reject], None]
"""Is told each row that the database refused, and why."""


@dataclass(frozen=True, slots=True)
class TableRows:
    """Rows of a table, at most one an id, and the topic they were read from."""

    table: Table
    topic: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Written:
    """What a batch changed in a table."""

    rows: int
    changed: int


def merge(connection: "psycopg.Connection[Any]", table: Table, rows: Sequence[Row]) -> Written:
    """Merge rows in the database transaction that is open; the staging table of the connection must be there.

    Raises:
        psycopg.Error: nothing of them was merged, and the database transaction has failed.
    """
    with connection.cursor() as cursor:
        with cursor.copy(table.copy()) as copy:
            copy.set_types(table.types)
            for row in rows:
                copy.write_row(row)
        counts = cursor.execute(table.merge()).fetchone()
    return Written(*counts) if counts else Written(0, 0)


def merge_carefully(
    connection: "psycopg.Connection[Any]", table: Table, rows: Sequence[Row], refuse: Refuse
) -> Written:
    """Merge what can be merged; halve what cannot, down to the row at fault."""
    if not rows:
        return Written(0, 0)
    try:
        with connection.transaction():
            written = merge(connection, table, rows)
            connection.execute(table.clear_staging())
            return written
    except (psycopg.IntegrityError, psycopg.DataError) as error:
        if len(rows) == 1:
            refuse(rows[0], _reject(error))
            return Written(0, 0)
    middle = len(rows) // 2
    halves = [merge_carefully(connection, table, half, refuse) for half in (rows[:middle], rows[middle:])]
    return Written(sum(half.rows for half in halves), sum(half.changed for half in halves))


def _reject(error: psycopg.Error) -> Reject:
    reason = Reason.OUT_OF_RANGE if isinstance(error, psycopg.IntegrityError) else Reason.BAD_TYPE
    constraint = f" ({error.diag.constraint_name})" if error.diag.constraint_name else ""
    return Reject(reason, "", f"PostgreSQL refused it: {error.sqlstate}{constraint}")
