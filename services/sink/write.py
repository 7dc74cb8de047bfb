"""Writes rows and offsets in one database transaction, by binary COPY. Knows nothing of Kafka clients.

The offsets are guarded: they move only from where this sink last left them. So a sink that was replaced while it
slept changes nothing, and a COMMIT whose answer was lost needs no guess.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import psycopg
from confluent_kafka import Message

from services.common.errors import FraudError, Reason, Reject, Retry, Stop
from services.common.kafka import Batch, Place
from services.sink.tables import TABLES, Table

LOCK_TIMEOUT_MS = 10_000
CONNECT_TIMEOUT_SECONDS = 5


@dataclass(frozen=True, slots=True)
class RejectRow:
    """A record that breaks the contract, its bytes untouched."""

    topic: str
    partition: int
    offset: int
    reason: str
    message: str
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class TableRows:
    """Rows of a table, at most one an id, and the topic they were read from; each ends with (partition, offset)."""

    table: Table
    topic: str
    rows: Sequence[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Written:
    """What a batch changed in a table."""

    rows: int
    changed: int


class Mart:
    """A connection to the database; after any error it is thrown away."""

    def __init__(self, connection: "psycopg.Connection[Any]", cluster_id: str) -> None:
        self._connection = connection
        self._cluster_id = cluster_id

    @classmethod
    def connect(cls, cluster_id: str, statement_timeout_ms: int) -> Self:
        """Return a mart on the database that libpq's environment names.

        Args:
            cluster_id: the Kafka cluster whose offsets are kept.
            statement_timeout_ms: the database ends a statement after it.

        Raises:
            Retry: the database is away; Stop: it refuses for a reason that stays.
        """
        timeouts = {
            "statement_timeout": statement_timeout_ms,
            "lock_timeout": LOCK_TIMEOUT_MS,
            "idle_in_transaction_session_timeout": statement_timeout_ms,
        }
        options = " ".join(f"-c {name}={value}" for name, value in timeouts.items())
        try:
            connection = psycopg.connect(
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                options=options,
                application_name="fraud-sink",
                keepalives_idle=10,
                autocommit=True,
            )
            for table in TABLES:
                connection.execute(table.create_staging())
        except psycopg.Error as error:
            raise _fate(error) from error
        return cls(connection, cluster_id)

    def positions(self, lows: Mapping[Place, int]) -> dict[Place, int]:
        """Return the next offset of each partition; one the database has not seen begins at its low watermark.

        Raises:
            Retry: the database is away.
        """
        keys = ([topic for topic, _ in lows], [partition for _, partition in lows])
        try:
            with self._connection.transaction():
                self._connection.execute(
                    "insert into sink_offsets select %s, * from unnest(%s::text[], %s::int[], %s::bigint[])"
                    " on conflict do nothing",
                    (self._cluster_id, *keys, list(lows.values())),
                )
                found = self._connection.execute(
                    "select o.topic, o.partition, o.next_offset from sink_offsets o"
                    " join unnest(%s::text[], %s::int[]) as wanted(topic, partition) using (topic, partition)"
                    " where o.cluster_id = %s",
                    (*keys, self._cluster_id),
                ).fetchall()
        except psycopg.Error as error:
            raise _fate(error) from error
        return {(topic, partition): offset for topic, partition, offset in found}

    def write(self, batch: Batch, parts: Sequence[TableRows], rejects: Sequence[RejectRow]) -> dict[str, Written]:
        """Write everything that follows from a batch, or nothing of it, in one database transaction:

        1. COPY the rows to staging tables and merge them into their tables
        2. keep the rejects
        3. move the offsets, which must stand where the batch began
        4. commit

        A row the database refuses is found by halving the batch, and kept as a reject.

        Raises:
            Retry: nothing was written, or the answer to the commit was lost; the offsets in the database tell.
        """
        try:
            try:
                return self._write(batch, parts, list(rejects), careful=False)
            except (psycopg.IntegrityError, psycopg.DataError):
                return self._write(batch, parts, list(rejects), careful=True)
        except psycopg.Error as error:
            raise _fate(error) from error

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _write(
        self, batch: Batch, parts: Sequence[TableRows], rejects: list[RejectRow], *, careful: bool
    ) -> dict[str, Written]:
        written = {}
        with self._connection.transaction():
            for part in parts:
                if careful:
                    written[part.table.name] = self._merge_carefully(part, part.rows, batch, rejects)
                elif part.rows:
                    written[part.table.name] = self._merge(part.table, part.rows)
            self._keep_rejects(rejects)
            self._move_offsets(batch)
        return written

    def _merge(self, table: Table, rows: Sequence[tuple[Any, ...]]) -> Written:
        with self._connection.cursor() as cursor:
            with cursor.copy(table.copy()) as copy:
                copy.set_types(table.types)
                for row in rows:
                    copy.write_row(row)
            counts = cursor.execute(table.merge()).fetchone()
        return Written(*counts) if counts else Written(0, 0)

    def _merge_carefully(
        self, part: TableRows, rows: Sequence[tuple[Any, ...]], batch: Batch, rejects: list[RejectRow]
    ) -> Written:
        """Write what can be written; halve what cannot, down to the row at fault."""
        if not rows:
            return Written(0, 0)
        try:
            with self._connection.transaction():
                written = self._merge(part.table, rows)
                self._connection.execute(part.table.clear_staging())
                return written
        except (psycopg.IntegrityError, psycopg.DataError) as error:
            if len(rows) == 1:
                rejects.append(_refused_row(batch, part.topic, rows[0], error))
                return Written(0, 0)
        middle = len(rows) // 2
        halves = [self._merge_carefully(part, half, batch, rejects) for half in (rows[:middle], rows[middle:])]
        return Written(sum(half.rows for half in halves), sum(half.changed for half in halves))

    def _keep_rejects(self, rejects: Sequence[RejectRow]) -> None:
        if not rejects:
            return
        with self._connection.cursor() as cursor:
            cursor.executemany(
                'insert into sink_rejects (cluster_id, topic, partition, "offset", reason, message, key, value)'
                " values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
                [
                    (self._cluster_id, r.topic, r.partition, r.offset, r.reason, r.message, r.key, r.value)
                    for r in rejects
                ],
            )

    def _move_offsets(self, batch: Batch) -> None:
        places = list(batch.next_offsets)
        moved = self._connection.execute(
            "update sink_offsets o set next_offset = n.next"
            " from unnest(%s::text[], %s::int[], %s::bigint[], %s::bigint[]) as n(topic, partition, expected, next)"
            " where o.cluster_id = %s and o.topic = n.topic and o.partition = n.partition"
            " and o.next_offset = n.expected",
            (
                [topic for topic, _ in places],
                [partition for _, partition in places],
                [batch.first_offsets[place] for place in places],
                [batch.next_offsets[place] for place in places],
                self._cluster_id,
            ),
        )
        if moved.rowcount != len(places):
            raise Retry("another sink has moved the offsets: reading again from where the database stands")


def reject_row(message: Message, reject: Reject) -> RejectRow:
    """Return the row that keeps a record which breaks the contract."""
    return RejectRow(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        reason=reject.reason.value,
        message=reject.message,
        key=message.key(),
        value=message.value(),
    )


def _refused_row(batch: Batch, topic: str, row: tuple[Any, ...], error: psycopg.Error) -> RejectRow:
    """Return the reject of a row that the database itself refused."""
    place = (topic, *row[-2:])
    message = next(m for m in batch.messages if (m.topic(), m.partition(), m.offset()) == place)
    reason = Reason.OUT_OF_RANGE if isinstance(error, psycopg.IntegrityError) else Reason.BAD_TYPE
    return reject_row(message, Reject(reason, "", f"PostgreSQL refused it: {error.sqlstate}"))


def _fate(error: psycopg.Error) -> FraudError:
    """Return Stop for what only a person can mend (SQLSTATE classes 28, 3D and 42), Retry for everything else."""
    state = error.sqlstate or ""
    sentence = (
        f"PostgreSQL: {state or 'no answer'}: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
    )
    return Stop(sentence) if state[:2] in {"28", "3D", "42"} else Retry(sentence)
