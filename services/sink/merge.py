"""Loads rows into a table by binary COPY, also where the database refuses some of them."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from services.common.database import Connection, classify_row_error
from services.common.errors import Reject
from services.sink.tables import Table

Row = tuple[Any, ...]
"""A row of a table; ends with (partition, offset) of the record it was made of."""

Refuse = Callable[[Row, Reject], None]
"""Called with each row that the database refused, and why."""


class KnownRow(Exception):
    """A row that was assumed to be new exists: the database transaction has failed and can be repeated."""


@dataclass(frozen=True, slots=True)
class TableRows:
    """Rows of a table, at most one an id, and the topic they were read from."""

    table: Table
    topic: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class MergeResult:
    """The changes of a table by a batch."""

    rows: int
    changed: int


class Merger:
    """Copies rows straight into a table as long as all rows of the last batch were new.

    Rows that may exist go through a staging table, which costs the database about twice as much.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._all_new: set[str] = set()

    def load(self, table: Table, rows: Sequence[Row]) -> MergeResult:
        """Load rows into a table in the open database transaction.

        Raises:
            KnownRow: a row exists; the next call uses the staging table.
            psycopg.Error: no row was loaded, and the database transaction has failed.
        """
        if table.name in self._all_new:
            try:
                return _insert(self._connection, table, rows)
            except psycopg.errors.UniqueViolation as error:
                self._all_new.discard(table.name)
                raise KnownRow from error
        written = merge(self._connection, table, rows)
        if written == MergeResult(len(rows), changed=0):
            self._all_new.add(table.name)
        return written


def _insert(connection: Connection, table: Table, rows: Sequence[Row]) -> MergeResult:
    with connection.cursor() as cursor:
        _copy(cursor, table, table.copy(), rows)
    return MergeResult(len(rows), changed=0)


def merge(connection: Connection, table: Table, rows: Sequence[Row]) -> MergeResult:
    """Merge rows in the database transaction that is open; the staging table of the connection must be there.

    Args:
        connection: to the database.
        table: where the rows belong.
        rows: at most one an id.

    Raises:
        psycopg.Error: nothing of them was merged, and the database transaction has failed.
    """
    with connection.cursor() as cursor:
        _copy(cursor, table, table.copy_to_staging(), rows)
        counts = cursor.execute(table.merge()).fetchone()
    return MergeResult(*counts) if counts else MergeResult(0, 0)


def _copy(cursor: "psycopg.Cursor[Any]", table: Table, statement: sql.Composed, rows: Sequence[Row]) -> None:
    with cursor.copy(statement) as copy:
        copy.set_types(table.types)
        try:
            for row in rows:
                copy.write_row(row)
        except (ArithmeticError, RecursionError, ValueError, struct.error) as error:
            # whatever slips through decoding is an error of one row, which is looked for, not of the process
            raise psycopg.DataError(f"cannot be encoded: {type(error).__name__}: {error}") from error


def merge_bisecting(
    connection: Connection,
    table: Table,
    rows: Sequence[Row],
    refuse: Refuse,
) -> MergeResult:
    """Merge what can be merged, as merge() does; halve what cannot, down to the row at fault."""
    if not rows:
        return MergeResult(0, 0)
    try:
        with connection.transaction():
            written = merge(connection, table, rows)
            connection.execute(table.clear_staging())
            return written
    except (psycopg.IntegrityError, psycopg.DataError) as error:
        if len(rows) == 1:
            refuse(rows[0], classify_row_error(error))
            return MergeResult(0, 0)
    middle = len(rows) // 2
    halves = [merge_bisecting(connection, table, half, refuse) for half in (rows[:middle], rows[middle:])]
    return MergeResult(sum(half.rows for half in halves), sum(half.changed for half in halves))
