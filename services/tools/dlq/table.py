"""The sink's rejects in PostgreSQL: reads them, and applies them, so that a record gets the row it was refused.

Such a record is not published again. It would be read last, and an old score would win over a newer one of the same id.
Applied with its old time and place it loses where it has to, and row and note are one database transaction.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, Self

import psycopg

from services.common.database import session
from services.common.errors import Reject
from services.common.settings import TopicSettings
from services.common.stored import decode_transaction
from services.sink.decode import decode_alert, decode_score
from services.sink.merge import Row, merge_bisecting
from services.sink.tables import ALERTS, SCORES, TABLES, TRANSACTIONS, Table
from services.tools.dlq.letter import Letter

READ_AT_ONCE = 500

Decode = Callable[[Letter], Row]
Place = tuple[str, str, int, int]
"""(cluster id, topic, partition, offset): the primary key."""

READ = """
    select cluster_id, topic, partition, "offset", reason, field, message, rejected_at, timestamp_ms, attempts,
           replayed_at is not null, key, value
    from sink_rejects
    where (cluster_id, topic, partition, "offset") > (%s, %s, %s, %s)
    order by cluster_id, topic, partition, "offset"
    limit %s
"""
LOCK = """
    select cluster_id, topic, partition, "offset" from sink_rejects
    join unnest(%s::text[], %s::text[], %s::int[], %s::bigint[]) as wanted(cluster_id, topic, partition, "offset")
        using (cluster_id, topic, partition, "offset")
    where replayed_at is null
    for update of sink_rejects
"""
AT = 'where cluster_id = %s and topic = %s and partition = %s and "offset" = %s'
NOTE_APPLIED = f"update sink_rejects set replayed_at = now() {AT}"  # noqa: S608  # a constant
NOTE_REFUSED = f"update sink_rejects set attempts = attempts + 1, reason = %s, field = %s, message = %s {AT}"  # noqa: S608


class Rejects:
    """The table sink_rejects, by a connection that may write the tables of the sink."""

    def __init__(self, connection: "psycopg.Connection[Any]", topics: TopicSettings) -> None:
        self._connection = connection
        self._tables: Mapping[str, tuple[Table, Decode]] = {
            topics.scores: (SCORES, _score_row),
            topics.transactions: (TRANSACTIONS, _transaction_row),
            topics.alerts: (ALERTS, _alert_row),
        }

    @classmethod
    @contextmanager
    def open(cls, topics: TopicSettings) -> Iterator[Self]:
        """Connect to the database that libpq's environment names.

        Raises:
            Retry: it is away; Stop: it refuses for a reason that stays. Both also out of the block.
        """
        with session("fraud-dlq", statement_timeout=60_000, lock_timeout=10_000) as connection:
            for table in TABLES:
                connection.execute(table.create_staging())
            yield cls(connection, topics)

    def letters(self) -> Iterator[Letter]:
        """Yield every reject; those of a partition by offset."""
        last: Place = ("", "", 0, 0)
        while rows := self._connection.execute(READ, (*last, READ_AT_ONCE)).fetchall():
            yield from map(_to_letter, rows)
            last = rows[-1][:4]

    def apply(self, letters: Sequence[Letter], *, go: bool) -> tuple[int, int]:
        """Apply rejects, all of them or none, in one database transaction:

        1. lock those that still wait; another replay may have done the rest
        2. decode them into rows, the last of an id, and merge these; what is refused again is told by its reason
        3. note which are done, and count a try for the others
        4. commit; without `go` roll back, so that a dry run knows all there is to know

        Returns:
            How many are done, how many were refused again.
        """
        with self._connection.transaction(force_rollback=not go):
            waiting = self._lock(letters)
            refused: dict[Place, Reject] = {}
            for topic, (table, decode) in self._tables.items():
                rows: dict[str, Row] = {}
                places: dict[tuple[int, int], Place] = {}
                for place, letter in waiting.items():
                    if letter.topic == topic:
                        try:
                            row = decode(letter)
                        except Reject as reject:
                            refused[place] = reject
                        else:
                            rows[row[0]] = row
                            places[letter.partition, letter.offset] = place
                refuse = partial(_note, refused, places)
                merge_bisecting(self._connection, table, list(rows.values()), refuse, replayed=True)
            self._note_fates(waiting.keys() - refused.keys(), refused)
        return len(waiting) - len(refused), len(refused)

    def _lock(self, letters: Sequence[Letter]) -> dict[Place, Letter]:
        wanted = {_place(letter): letter for letter in letters}
        columns = [list(column) for column in zip(*wanted, strict=True)]
        return {place: wanted[place] for place in self._connection.execute(LOCK, columns)}

    def _note_fates(self, applied: set[Place], refused: Mapping[Place, Reject]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(NOTE_APPLIED, list(applied))
            told = [(reject.reason.value, reject.field, reject.message, *place) for place, reject in refused.items()]
            cursor.executemany(NOTE_REFUSED, told)


def _score_row(letter: Letter) -> Row:
    return decode_score(letter.value, letter.timestamp_ms, letter.partition, letter.offset)


def _alert_row(letter: Letter) -> Row:
    return decode_alert(letter.value, letter.timestamp_ms, letter.partition, letter.offset)


def _transaction_row(letter: Letter) -> Row:
    return decode_transaction(letter.value, letter.topic, letter.partition, letter.offset)


def _note(refused: dict[Place, Reject], places: Mapping[tuple[int, int], Place], row: Row, reject: Reject) -> None:
    partition, offset = row[-2:]
    refused[places[partition, offset]] = reject


def _place(letter: Letter) -> Place:
    cluster_id, partition, offset = letter.at
    return cluster_id, letter.topic, partition, offset


def _to_letter(row: tuple[Any, ...]) -> Letter:
    rejected_at: datetime
    (cluster_id, topic, partition, offset, reason, field, message, rejected_at, timestamp_ms, attempts, replayed, key,
     value) = row  # fmt: skip
    return Letter(
        topic=topic,
        partition=partition,
        offset=offset,
        at=(cluster_id, partition, offset),
        reason=reason,
        field=field,
        message=message,
        rejected_at=rejected_at,
        timestamp_ms=round(rejected_at.timestamp() * 1000) if timestamp_ms is None else timestamp_ms,
        attempts=attempts,
        replayed=replayed,
        truncated=False,
        key=key,
        value=value,
        headers=[],
    )
