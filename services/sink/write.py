"""Writes rows and offsets in one database transaction, by binary COPY.

Offsets advance only from where this sink last set them. So a sink that was replaced while it was suspended changes
nothing, and after a COMMIT without an answer the stored offsets decide.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Self

import psycopg
from confluent_kafka import Message

from services.common.database import Connection, classify_error, connect
from services.common.errors import Reject, Retry, Stop
from services.common.kafka.assignment import Batch
from services.common.kafka.offsets import Partition
from services.sink.merge import KnownRow, Merger, MergeResult, Row, TableRows, merge_bisecting
from services.sink.rejects import KEEP, RejectRow, reject_row
from services.sink.tables import TABLES

IDLE_CHECK_SECONDS = 5.0

POSITION = """
    insert into sink_offsets (cluster_id, topic, partition, next_offset, topic_id)
    select %s, * from unnest(%s::text[], %s::int[], %s::bigint[], %s::text[])
    on conflict (cluster_id, topic, partition) do update set topic_id = excluded.topic_id
    where sink_offsets.topic_id is null and excluded.topic_id is not null
"""
"""A new partition begins at its low watermark; offsets without a topic id, of earlier versions, become this topic's."""


class MartWriter:
    """A connection to the database; it is not used after an error."""

    def __init__(self, connection: Connection, cluster_id: str) -> None:
        self._connection = connection
        self._merger = Merger(connection)
        self._cluster_id = cluster_id
        self._asked_at = time.monotonic()

    @classmethod
    def connect(cls, cluster_id: str, statement_timeout_ms: int, feed: Callable[[], object] = lambda: None) -> Self:
        """Return a writer on a new connection.

        Args:
            cluster_id: the Kafka cluster of the offsets.
            statement_timeout_ms: the database cancels a statement after it; the lock timeout is half of it.
            feed: called before each statement: a slow database is not a stuck process.

        Raises:
            Retry: the database is unavailable; Stop: it refuses permanently.
        """
        connection = connect(
            "fraud-sink",
            statement_timeout=statement_timeout_ms,
            lock_timeout=statement_timeout_ms // 2,
            idle_in_transaction_session_timeout=statement_timeout_ms,
        )
        try:
            connection.cursor_factory = _feeding(connection.cursor_factory, feed)
            for table in TABLES:
                connection.execute(table.create_staging())
        except psycopg.Error as error:
            raise classify_error(error) from error
        return cls(connection, cluster_id)

    def positions(self, lows: Mapping[Partition, int], topic_ids: Mapping[str, str]) -> dict[Partition, int]:
        """Return the next offset of each partition; one that is not stored yet begins at its low watermark.

        Args:
            lows: (topic, partition) -> low watermark.
            topic_ids: topic -> Kafka's id of it; offsets of an earlier topic of that name are invalid.

        Raises:
            Retry: the database is unavailable; Stop: the offsets are those of an earlier topic.
        """
        keys = ([topic for topic, _ in lows], [partition for _, partition in lows])
        ids = [topic_ids.get(topic) for topic, _ in lows]
        try:
            with self._connection.transaction():
                self._connection.execute(POSITION, (self._cluster_id, *keys, list(lows.values()), ids))
                found = self._connection.execute(
                    "select o.topic, o.partition, o.next_offset, o.topic_id from sink_offsets o"
                    " join unnest(%s::text[], %s::int[]) as wanted(topic, partition) using (topic, partition)"
                    " where o.cluster_id = %s",
                    (*keys, self._cluster_id),
                ).fetchall()
        except psycopg.Error as error:
            raise classify_error(error) from error
        for topic, partition, offset, topic_id in found:
            if topic_id and topic_id != topic_ids.get(topic, topic_id):
                reason = f"the offset {offset} in the database is of a topic that is gone, this one was recreated"
                raise Stop(f"{topic}/{partition}: {reason} under its name; docs/operations.md says what to do")
        return {(topic, partition): offset for topic, partition, offset, _ in found}

    def write(
        self, batch: Batch, parts: Sequence[TableRows], rejects: Sequence[RejectRow]
    ) -> tuple[dict[str, MergeResult], list[RejectRow]]:
        """Write the results of a batch, all or nothing, in one database transaction:

        1. COPY the rows to their tables or, if some may exist, to staging tables, and merge them; begin again if a row
           turns out to exist
        2. store the rejects
        3. advance the offsets, which must be those at which the batch began
        4. commit

        A row that the database refuses is found by halving the batch, and stored as a reject.

        Returns:
            Table -> what changed in it; all rejects that were stored.

        Raises:
            Retry: nothing was written, or the commit was not answered: the stored offsets decide.
            Stop: nothing was written; not retryable.
        """
        try:
            while True:
                try:
                    return self._write(batch, parts, list(rejects), careful=False)
                except KnownRow:  # at most once for each table
                    continue
                except (psycopg.IntegrityError, psycopg.DataError):
                    return self._write(batch, parts, list(rejects), careful=True)
        except psycopg.Error as error:
            raise classify_error(error) from error

    def check_if_due(self) -> None:
        """Query the database if nothing was asked for some seconds, so that an idle sink notices an outage too.

        Raises:
            Retry: it does not answer.
        """
        if time.monotonic() - self._asked_at < IDLE_CHECK_SECONDS:
            return
        self._asked_at = time.monotonic()
        try:
            self._connection.execute("select")
        except psycopg.Error as error:
            raise classify_error(error) from error

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _write(
        self, batch: Batch, parts: Sequence[TableRows], rejects: list[RejectRow], *, careful: bool
    ) -> tuple[dict[str, MergeResult], list[RejectRow]]:
        written = {}
        self._asked_at = time.monotonic()
        with self._connection.transaction():
            for part in parts:
                if careful:
                    refuse = _Refused(batch, part.topic, rejects)
                    written[part.table.name] = merge_bisecting(self._connection, part.table, part.rows, refuse)
                elif part.rows:
                    written[part.table.name] = self._merger.load(part.table, part.rows)
            self._store_rejects(rejects)
            self._advance_offsets(batch)
        return written, rejects

    def _store_rejects(self, rejects: Sequence[RejectRow]) -> None:
        if rejects:
            with self._connection.cursor() as cursor:
                cursor.executemany(KEEP, [reject.parameters(self._cluster_id) for reject in rejects])

    def _advance_offsets(self, batch: Batch) -> None:
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
            raise Retry("another sink has moved the offsets: reading again from those in the database")


class _Refused:
    """Makes rejects of the records whose rows the database refused."""

    def __init__(self, batch: Batch, topic: str, rejects: list[RejectRow]) -> None:
        self._batch, self._topic, self._rejects = batch, topic, rejects

    def __call__(self, row: Row, reject: Reject) -> None:
        self._rejects.append(reject_row(self._messages[self._topic, *row[-2:]], reject))

    @cached_property
    def _messages(self) -> dict[tuple[Any, ...], Message]:
        """(topic, partition, offset) -> message, made once: the whole batch may be refused."""
        return {(message.topic(), message.partition(), message.offset()): message for message in self._batch.messages}


def _feeding(kind: "type[psycopg.Cursor[Any]]", feed: Callable[[], object]) -> "type[psycopg.Cursor[Any]]":
    """Return a cursor class that calls feed() before each statement."""

    class FeedingCursor(kind):  # type: ignore[valid-type, misc]  # whatever the connection has
        def execute(self, *arguments: Any, **options: Any) -> Any:
            feed()
            return super().execute(*arguments, **options)

        def copy(self, *arguments: Any, **options: Any) -> Any:
            feed()
            return super().copy(*arguments, **options)

    return FeedingCursor
