"""Reads the scored transactions from PostgreSQL."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import psycopg
from psycopg.rows import class_row, scalar_row
from psycopg_pool import ConnectionPool

from services.common.database import connection_arguments
from ui.watch import in_background

Connection = psycopg.Connection[Any]
T = TypeVar("T")

LATEST_FLAGGED = 10
LATEST_SCORES = 100
COUNT_EXACTLY_BELOW = 5_000_000
"""Rows up to which the total is counted; above, PostgreSQL's estimate is used, as a count would take seconds."""

_CONNECT_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class ListedTransaction:
    """What every table of transactions shows; None: the field was missing in the message, or has not arrived yet.

    `score` is in [0, 1]; `event_time` has no time zone.
    """

    transaction_id: str
    score: float
    event_time: datetime | None
    amount: float | None
    category: str | None
    merchant: str | None
    state: str | None


@dataclass(frozen=True, slots=True)
class Flagged(ListedTransaction):
    """A transaction with fraud_flag = 1.

    Attributes:
        scored_at: when it got its score: the order in which they are listed.
        earlier: the customer's transactions before this one by event time; None if the customer is not known.
    """

    scored_at: datetime
    earlier: int | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """How many transactions have a score and how many of them are flagged; `exact` is False for an estimate."""

    scored: int
    flagged: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the results show, as of one moment; `flagged` and `scores` start with the latest arrival."""

    flagged: list[Flagged]
    scores: list[float]
    totals: Totals
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Results:
    """A snapshot; if it is not fresh, the database is unavailable and this is the last one read (None: none was)."""

    snapshot: Snapshot | None
    fresh: bool


def latest_flagged(connection: Connection, limit: int = LATEST_FLAGGED) -> list[Flagged]:
    """Return the latest flagged transactions, the latest arrival first."""
    query = """
        select f.transaction_id, f.score, f.event_time, f.amount, f.category, f.merchant, f.state, f.scored_at,
               case when f.customer is not null then (
                   select count(*) from transactions t where t.customer = f.customer and t.event_time < f.event_time
               ) end as earlier
        from (select * from scored_transactions where fraud_flag = 1 order by arrival desc limit %s) f
        order by f.arrival desc
    """
    with connection.cursor(row_factory=class_row(Flagged)) as cursor:
        return cursor.execute(query, [limit]).fetchall()


def latest_scores(connection: Connection, limit: int = LATEST_SCORES) -> list[float]:
    """Return the latest scores in [0, 1], flagged or not, the latest arrival first."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute("select score from scores order by arrival desc limit %s", [limit]).fetchall()


def totals(connection: Connection, count_exactly_below: int = COUNT_EXACTLY_BELOW) -> Totals:
    """Return how many transactions are scored and how many of them are flagged."""
    query = """
        select case when exact then (select count(*) from scores) else estimate end as scored,
               (select count(*) from scores where fraud_flag = 1) as flagged, exact
        from (select reltuples::bigint as estimate, reltuples < %s as exact
              from pg_class where oid = 'scores'::regclass) as size
    """
    with connection.cursor(row_factory=class_row(Totals)) as cursor:
        found = cursor.execute(query, [count_exactly_below]).fetchone()
    assert found is not None  # noqa: S101  # the table is in the catalogue, or the query fails
    return found


def snapshot(connection: Connection) -> Snapshot:
    """Read everything the results show in one read-only database transaction."""
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        return Snapshot(latest_flagged(connection), latest_scores(connection), totals(connection), datetime.now(UTC))


class Database:
    """The database, which may become unavailable at any time; the last snapshot is retained."""

    def __init__(self, conninfo: str = "") -> None:
        """Create the pool; it connects after open(). An empty conninfo means libpq's PG* variables."""
        arguments = connection_arguments("fraud-ui", statement_timeout=3_000)
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            conninfo,
            min_size=0,
            max_size=4,
            open=False,
            timeout=_CONNECT_SECONDS,
            reconnect_timeout=_CONNECT_SECONDS,
            check=ConnectionPool.check_connection,
            kwargs=arguments | {"autocommit": True, "connect_timeout": 2},
        )
        self._last: Snapshot | None = None
        self._lock = threading.Lock()

    def open(self) -> None:
        """Start the pool's threads; the database need not be available yet."""
        self._pool.open(wait=False)

    def close(self) -> None:
        """Close all connections."""
        self._pool.close(timeout=1.0)

    def answer(self) -> Results:
        """Return a fresh snapshot, or the last one if the database is unavailable.

        Raises:
            psycopg.Error: see ask().
        """
        fresh = self.ask(snapshot)
        if fresh is None:
            return Results(self._last, fresh=False)
        with self._lock:
            if self._last is None or self._last.read_at < fresh.read_at:
                self._last = fresh
        return Results(fresh, fresh=True)

    def is_up(self) -> bool:
        """Return whether the database answers within about a second and the mart can be read.

        Raises:
            psycopg.Error: see ask().
        """
        return self.ask(lambda connection: connection.execute("select from scores limit 1"), 1.0) is not None

    def ask(self, query: Callable[[Connection], T], connect_seconds: float = _CONNECT_SECONDS) -> T | None:
        """Return the query's result, or None if the database is unavailable.

        Raises:
            psycopg.Error: the database has answered with an error, such as a missing table or permission. It does not
                pass by itself like an outage and must not be reported as one.
        """

        def ask() -> T:
            with self._pool.connection(timeout=connect_seconds) as connection:
                return query(connection)

        try:  # in a thread, for a frozen server neither answers nor refuses
            return in_background(ask, "mart").result(connect_seconds * 2)
        except (psycopg.OperationalError, TimeoutError):
            return None
