"""Writes rows and offsets in one database transaction, by binary COPY. Knows nothing of Kafka clients.

The offsets are guarded: they move only from where this sink last left them. So a sink that was replaced while it
slept changes nothing, and a COMMIT whose answer was lost needs no guess.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Self

import psycopg
from confluent_kafka import Message

from services.common.database import Connection, classify_error, connect
from services.common.errors import Reject, Retry, Stop
from services.common.kafka.assignment import Batch, Partition
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
"""A partition begins at its low watermark; offsets of before the ids were kept are taken to be this topic's."""


class MartWriter:
    """A connection to the database; after any error it is thrown away."""

    def __init__(self, connection: Connection, cluster_id: str) -> None:
        self._connection = connection
        self._merger = Merger(connection)
        self._cluster_id = cluster_id
        self._asked_at = time.monotonic()

    @classmethod
    def connect(cls, cluster_id: str, statement_timeout_ms: int, feed: Callable[[], object] = lambda: None) -> Self:
        """Return a mart on the database that libpq's environment names.

        Args:
            cluster_id: the Kafka cluster whose offsets are kept.
            statement_timeout_ms: the database ends a statement after it, and half of it is waited for a lock.
            feed: called before each statement: a slow database is none that hangs.

        Raises:
            Retry: the database is away; Stop: it refuses for a reason that stays.
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
        """Return the next offset of each partition; one the database has not seen begins at its low watermark.

        Args:
            lows: (topic, partition) -> low watermark.
            topic_ids: topic -> the id that Kafka gave it; offsets of the topic that had its name before are no offsets.

        Raises:
            Retry: the database is away; Stop: the offsets are those of another topic.
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
                stands = f"the database stands at {offset} of a topic that is gone, this one was recreated"
                raise Stop(f"{topic}/{partition}: {stands} under its name; docs/operations.md says what to do")
        return {(topic, partition): offset for topic, partition, offset, _ in found}

    def write(
        self, batch: Batch, parts: Sequence[TableRows], rejects: Sequence[RejectRow]
    ) -> tuple[dict[str, MergeResult], list[RejectRow]]:
        """Write everything that follows from a batch, or nothing of it, in one database transaction:

        1. COPY the rows to their tables; where some may be there already, to staging tables, and merge them. Where that
           comes out only now, all is begun again
        2. keep the rejects
        3. move the offsets, which must stand where the batch began
        4. commit

        A row the database refuses is found by halving the batch, and kept as a reject.

        Returns:
            Table -> what changed in it; all rejects that were kept.

        Raises:
            Retry: nothing was written, or the answer to the commit was lost; the offsets in the database tell.
            Stop: nothing was written; nothing a retry could mend.
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
        """Ask the database for a sign of life if nothing was asked for some seconds: an idle sink sees it go too.

        Raises:
            Retry: it gives none.
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
            self._keep_rejects(rejects)
            self._move_offsets(batch)
        return written, rejects

    def _keep_rejects(self, rejects: Sequence[RejectRow]) -> None:
        if rejects:
            with self._connection.cursor() as cursor:
                cursor.executemany(KEEP, [reject.parameters(self._cluster_id) for reject in rejects])

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


class _Refused:
    """Takes the records of rows that the database itself refused to the rejects."""

    def __init__(self, batch: Batch, topic: str, rejects: list[RejectRow]) -> None:
        self._batch, self._topic, self._rejects = batch, topic, rejects

    def __call__(self, row: Row, reject: Reject) -> None:
        self._rejects.append(reject_row(self._messages[self._topic, *row[-2:]], reject))

    @cached_property
    def _messages(self) -> dict[tuple[Any, ...], Message]:
        """The messages of the batch by their place: it may be the whole batch that is refused."""
        return {(message.topic(), message.partition(), message.offset()): message for message in self._batch.messages}


def _feeding(kind: "type[psycopg.Cursor[Any]]", feed: Callable[[], object]) -> "type[psycopg.Cursor[Any]]":
    """Return a kind of cursor that calls feed() before each statement."""

    class FeedingCursor(kind):  # type: ignore[valid-type, misc]  # whatever the connection has
        def execute(self, *arguments: Any, **options: Any) -> Any:
            feed()
            return super().execute(*arguments, **options)

        def copy(self, *arguments: Any, **options: Any) -> Any:
            feed()
            return super().copy(*arguments, **options)

    return FeedingCursor
