"""Deletes old rows in batches, each in a database transaction of its own.

The age of a transaction counts from its score, or, without one, from when it was stored. Verdicts stay: they name no
customer, and show for years how well analysts and model agree. A row that is scored again meanwhile is not deleted.
"""

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from services.common.database import Connection
from services.tools.customer.tables import tables_with

EXEMPT_TABLES = frozenset({"scores", "verdicts"})
"""Scores are deleted by their own query, verdicts never."""
TRIES = 5
"""Attempts at a batch that conflicts with the sink (a deadlock, or a lock timeout)."""

WALK = """
    with oldest as (select arrival, transaction_id, scored_at from scores where arrival > %s order by arrival limit %s)
    select max(arrival), array_agg(transaction_id) filter (where scored_at < %s) from oldest
"""
DELETE_SCORES = "delete from scores where transaction_id = any(%s) and scored_at < %s returning transaction_id"
UNSCORED = """
    select transaction_id from transactions t
    where kept_at < %s and not exists (select from scores s where s.transaction_id = t.transaction_id) limit %s
"""
BY_AGE = {
    "uploads": "delete from uploads where touched_at < %s",
    "sink_rejects": "delete from sink_rejects where rejected_at < %s",
    "shadow_tallies": "delete from shadow_tallies where told_at < %s",
    "blind_draws": "delete from blind_draws where drawn_at < %s",
    "backfill_runs": "delete from backfill_runs where started_at < %s",
}

Deleted = tuple[str, int]
"""(table, rows)"""


class RetentionJob:
    """Deletes rows older than a moment, by a connection of the owner in autocommit."""

    def __init__(self, connection: Connection, before: datetime, batch_rows: int) -> None:
        self._connection = connection
        self._before = before
        self._batch_rows = batch_rows
        self._transaction_tables = [
            table for table in tables_with(connection, "transaction_id") if table not in EXEMPT_TABLES
        ]

    def count(self) -> dict[str, int]:
        """Return table -> number of old rows; reads whole tables."""
        queries = {
            "scores": "select count(*) from scores where scored_at < %s",
            "transactions without a score": UNSCORED.replace("select transaction_id", "select count(*)", 1).replace(
                "limit %s", ""
            ),
        } | {table: query.replace("delete", "select count(*)", 1) for table, query in BY_AGE.items()}
        found = {}
        for table, query in queries.items():
            ((found[table],),) = self._connection.execute(query, [self._before]).fetchall()
        return found

    def delete(self, sleep: Callable[[float], object] = time.sleep) -> Iterator[list[Deleted]]:
        """Delete all old rows; yield the counts of each batch. Pauses after a batch for as long as it took.

        All scores are scanned: a row that was scored again keeps its place among the oldest, so a batch without old
        rows says nothing about later ones.
        """
        arrival: int | None = -1
        while arrival is not None:
            started = time.monotonic()
            arrival, deleted = self._retry(self._delete_scored, arrival)
            if deleted:
                yield deleted
            sleep(time.monotonic() - started)
        while deleted := self._retry(self._delete_unscored):
            yield deleted
        yield [(table, self._connection.execute(query, [self._before]).rowcount) for table, query in BY_AGE.items()]

    def _delete_scored(self, after: int) -> tuple[int | None, list[Deleted]]:
        """Delete the old ones of the next scores by arrival; return where to continue, None after the last."""
        with self._connection.transaction():
            walked = self._connection.execute(WALK, [after, self._batch_rows, self._before]).fetchone() or (None, None)
            arrival, ids = walked
            if not ids:
                return arrival, []
            gone = [row[0] for row in self._connection.execute(DELETE_SCORES, [ids, self._before])]
            return arrival, [("scores", len(gone)), *self._delete_of(gone)]

    def _delete_unscored(self) -> list[Deleted]:
        with self._connection.transaction():
            found = self._connection.execute(UNSCORED, [self._before, self._batch_rows]).fetchall()
            return self._delete_of([row[0] for row in found]) if found else []

    def _delete_of(self, ids: list[str]) -> list[Deleted]:
        return [
            (
                table,
                self._connection.execute(
                    sql.SQL("delete from {} where transaction_id = any(%s)").format(sql.Identifier(table)), [ids]
                ).rowcount,
            )
            for table in self._transaction_tables
        ]

    def _retry(self, step: Callable[..., Any], *arguments: Any) -> Any:
        for left in reversed(range(TRIES)):
            try:
                return step(*arguments)
            except (psycopg.errors.DeadlockDetected, psycopg.errors.LockNotAvailable):
                if not left:
                    raise
        raise AssertionError("not reached")
