"""What is done with a batch: from messages to rows, and from there to one database transaction."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from confluent_kafka import Message

from services.common.errors import Reject
from services.common.kafka.assignment import Batch
from services.common.settings import TopicSettings
from services.common.stored import TransactionReader
from services.sink.decode import decode_alert, decode_model_message, decode_score
from services.sink.merge import MergeResult, Row, TableRows
from services.sink.rejects import RejectLimits, RejectRow, reject_row
from services.sink.tables import ALERTS, SCORES, SPANS, TALLIES, TRANSACTIONS, Table
from services.sink.write import MartWriter

MODEL_TABLES = {"span": SPANS, "tally": TALLIES}
"""The table of each kind of message of the topic of models."""


Decode = Callable[[bytes | None, int, int, int], Row]
"""Makes a row of (value, Kafka's timestamp in ms, partition, offset), or raises Reject."""


@dataclass(frozen=True, slots=True)
class PreparedRows:
    """A batch as rows.

    Attributes:
        batch: what was read.
        parts: the rows of each table.
        rejects: scores and alerts that break the contract.
        skipped: how many other messages could not be read.
    """

    batch: Batch
    parts: list[TableRows]
    rejects: list[RejectRow]
    skipped: int


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """What became of a batch.

    Attributes:
        batch: what was read.
        written: table -> what changed in it.
        rejects: all that were kept, those that the database refused too.
        skipped: how many other messages could not be read.
        seconds: of the database transaction.
    """

    batch: Batch
    written: dict[str, MergeResult]
    rejects: list[RejectRow]
    skipped: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Storing:
    """A batch's two halves. The first needs the processor, the second the database."""

    mart: MartWriter
    topics: TopicSettings
    limits: RejectLimits
    reader: TransactionReader = field(default_factory=TransactionReader)

    def prepare(self, batch: Batch) -> PreparedRows:
        """Decode the messages into rows, the last of an id; scores and alerts that break the contract are rejects."""
        return PreparedRows(batch, *decode_batch(batch, self.topics, self.reader))

    def write(self, prepared: PreparedRows) -> StoredBatch:
        """Write rows, rejects and offsets in one database transaction.

        Raises:
            Retry: nothing of the batch was written; Stop: likewise, and nothing a retry could mend.
        """
        started, batch = time.monotonic(), prepared.batch
        written, rejects = self.mart.write(batch, prepared.parts, prepared.rejects)
        self.limits.count(batch, rejects)
        return StoredBatch(batch, written, rejects, prepared.skipped, time.monotonic() - started)


def decode_batch(
    batch: Batch, topics: TopicSettings, reader: TransactionReader
) -> tuple[list[TableRows], list[RejectRow], int]:
    """Return the rows of a batch, the rejects of scores and alerts, and how many others could not be read.

    Of an id that comes more than once the last one is kept: a merge must not meet a row twice (SQLSTATE 21000).
    """
    of_topic: dict[str, list[Message]] = {}
    for message in batch.messages:
        of_topic.setdefault(message.topic(), []).append(message)  # type: ignore[arg-type]  # what was read has its place
    parts: list[TableRows] = []
    rejects: list[RejectRow] = []
    judged: list[tuple[Table, str, Decode]] = [
        (SCORES, topics.scores, decode_score),
        (ALERTS, topics.alerts, decode_alert),
    ]
    for table, topic, decode in judged:
        parts.append(TableRows(table, topic, _judged(of_topic.get(topic, ()), decode, rejects)))
    transactions, unread = _transactions(of_topic.get(topics.transactions, ()), reader, topics.transactions)
    parts.append(TableRows(TRANSACTIONS, topics.transactions, transactions))
    of_models, strange = _of_models(of_topic.get(topics.models, ()))
    parts += [TableRows(table, topics.models, rows) for table, rows in of_models]
    return parts, rejects, unread + strange


def _judged(messages: Iterable[Message], decode: Decode, rejects: list[RejectRow]) -> list[Row]:
    """Return the rows of scores or alerts; what breaks the contract is added to the rejects."""
    rows: dict[str, Row] = {}
    for message in messages:
        try:
            partition, offset = message.partition(), message.offset()
            row = decode(message.value(), message.timestamp()[1], partition, offset)  # type: ignore[arg-type]  # as _place()
        except Reject as reject:
            rejects.append(reject_row(message, reject))
        else:
            rows[row[0]] = row
    return [*rows.values()]


def _transactions(messages: Sequence[Message], reader: TransactionReader, topic: str) -> tuple[list[Row], int]:
    """Return the rows of transactions, and how many messages are none."""
    rows, unread = reader.read([message.value() for message in messages], topic, [*map(_place, messages)])
    return [*{row[0]: row for row in rows}.values()], unread


def _of_models(messages: Iterable[Message]) -> tuple[list[tuple[Table, list[Row]]], int]:
    """Return the rows of the tables that tell of models, and how many messages cannot be read."""
    rows: dict[str, dict[str, Row]] = {kind: {} for kind in MODEL_TABLES}
    strange = 0
    for message in messages:
        try:
            kind, row = decode_model_message(message.value(), message.timestamp()[1], *_place(message))
        except Reject:
            strange += 1
        else:
            rows[kind].pop(row[0], None)  # told again, it is the newest
            rows[kind][row[0]] = row
    return [(table, [*rows[kind].values()]) for kind, table in MODEL_TABLES.items()], strange


def _place(message: Message) -> tuple[int, int]:
    return message.partition(), message.offset()  # type: ignore[return-value]  # what was read has its place
