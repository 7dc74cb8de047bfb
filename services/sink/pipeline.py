"""Processes one batch: decodes messages into rows, then writes them in one database transaction."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from confluent_kafka import Message

from services.common.errors import Reject
from services.common.kafka.assignment import Batch
from services.common.reading.stored import TransactionReader
from services.common.settings import TopicSettings
from services.sink.decode import decode_alert, decode_model_message, decode_score
from services.sink.merge import MergeResult, Row, TableRows
from services.sink.rejects import RejectLimits, RejectRow, reject_row
from services.sink.tables import ALERTS, SCORES, SPANS, TALLIES, TRANSACTIONS, Table
from services.sink.write import MartWriter

MODEL_TABLES = {"span": SPANS, "tally": TALLIES}
"""Kind of message of `scorer.models` -> its table."""

Decode = Callable[[bytes | None, int, int, int], Row]
"""(value, Kafka's timestamp in ms, partition, offset) -> row; may raise Reject."""


@dataclass(frozen=True, slots=True)
class PreparedRows:
    """A batch as rows.

    Attributes:
        batch: what was read.
        parts: the rows of each table.
        rejects: scores and alerts that break the contract.
        skipped: number of other messages that cannot be decoded.
    """

    batch: Batch
    parts: list[TableRows]
    rejects: list[RejectRow]
    skipped: int


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """The counts of a committed batch.

    Attributes:
        batch: what was read.
        written: table -> what changed in it.
        rejects: all that were stored, also those that the database refused.
        skipped: number of other messages that cannot be decoded.
        seconds: of the database transaction.
    """

    batch: Batch
    written: dict[str, MergeResult]
    rejects: list[RejectRow]
    skipped: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Storing:
    """The two halves of the work on a batch: prepare() needs the processor, write() the database."""

    mart: MartWriter
    topics: TopicSettings
    reader: TransactionReader
    limits: RejectLimits

    def prepare(self, batch: Batch) -> PreparedRows:
        """Return the rows of a batch; scores and alerts that break the contract are rejects."""
        return PreparedRows(batch, *decode_batch(batch, self.topics, self.reader))

    def write(self, prepared: PreparedRows) -> StoredBatch:
        """Write rows, rejects and offsets in one database transaction.

        Raises:
            Retry: nothing of the batch was written; Stop: likewise, and not retryable.
        """
        started, batch = time.monotonic(), prepared.batch
        written, rejects = self.mart.write(batch, prepared.parts, prepared.rejects)
        self.limits.count(batch, rejects)
        return StoredBatch(batch, written, rejects, prepared.skipped, time.monotonic() - started)


def decode_batch(
    batch: Batch, topics: TopicSettings, reader: TransactionReader
) -> tuple[list[TableRows], list[RejectRow], int]:
    """Return the rows of a batch, the rejects among scores and alerts, and the number of others that cannot be decoded.

    Of several messages with one id only the last is returned: a merge fails on a row that comes twice (SQLSTATE 21000).
    """
    of_topic: dict[str, list[Message]] = {}
    for message in batch.messages:
        of_topic.setdefault(message.topic(), []).append(message)  # type: ignore[arg-type]  # what was read has a position
    parts: list[TableRows] = []
    rejects: list[RejectRow] = []
    checked: list[tuple[Table, str, Decode]] = [
        (SCORES, topics.scores, decode_score),
        (ALERTS, topics.alerts, decode_alert),
    ]
    for table, topic, decode in checked:
        parts.append(TableRows(table, topic, _checked_rows(of_topic.get(topic, ()), decode, rejects)))
    transactions, undecoded = _transactions(of_topic.get(topics.transactions, ()), reader, topics.transactions)
    parts.append(TableRows(TRANSACTIONS, topics.transactions, transactions))
    of_models, invalid = _of_models(of_topic.get(topics.models, ()))
    parts += [TableRows(table, topics.models, rows) for table, rows in of_models]
    return parts, rejects, undecoded + invalid


def _checked_rows(messages: Iterable[Message], decode: Decode, rejects: list[RejectRow]) -> list[Row]:
    """Return the rows of scores or alerts; add what breaks the contract to the rejects."""
    rows: dict[str, Row] = {}
    for message in messages:
        try:
            partition, offset = message.partition(), message.offset()
            row = decode(message.value(), message.timestamp()[1], partition, offset)  # type: ignore[arg-type]  # as in _position()
        except Reject as reject:
            rejects.append(reject_row(message, reject))
        else:
            rows[row[0]] = row
    return [*rows.values()]


def _transactions(messages: Sequence[Message], reader: TransactionReader, topic: str) -> tuple[list[Row], int]:
    """Return the rows of transactions, and the number of messages that are none."""
    rows, undecoded = reader.read([message.value() for message in messages], topic, [*map(_position, messages)])
    return [*{row[0]: row for row in rows}.values()], undecoded


def _of_models(messages: Iterable[Message]) -> tuple[list[tuple[Table, list[Row]]], int]:
    """Return the rows of the tables about models, and the number of messages that cannot be decoded."""
    rows: dict[str, dict[str, Row]] = {kind: {} for kind in MODEL_TABLES}
    invalid = 0
    for message in messages:
        try:
            kind, row = decode_model_message(message.value(), message.timestamp()[1], *_position(message))
        except Reject:
            invalid += 1
        else:
            rows[kind].pop(row[0], None)  # the newest comes last: the table numbers its rows in this order
            rows[kind][row[0]] = row
    return [(table, [*rows[kind].values()]) for kind, table in MODEL_TABLES.items()], invalid


def _position(message: Message) -> tuple[int, int]:
    return message.partition(), message.offset()  # type: ignore[return-value]  # what was read has a position
