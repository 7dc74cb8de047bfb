"""What is done with a batch: from messages to rows, and from there to one database transaction."""

import time
from dataclasses import dataclass
from functools import partial

from services.common.errors import Reject
from services.common.kafka import Batch
from services.common.settings import TopicSettings
from services.sink.decode import decode_alert, decode_score, decode_transaction
from services.sink.limits import Limits
from services.sink.merge import Row, TableRows, Written
from services.sink.models import decode_model_message
from services.sink.rejects import RejectRow, reject_row
from services.sink.tables import ALERTS, SCORES, SPANS, TABLES, TALLIES, TRANSACTIONS
from services.sink.write import Mart

MODEL_TABLES = {"span": SPANS, "tally": TALLIES}
"""The table of each kind of message of the topic of models."""


@dataclass(frozen=True, slots=True)
class Prepared:
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
class Kept:
    """What became of a batch.

    Attributes:
        batch: what was read.
        written: table -> what changed in it.
        rejects: all that were kept, those that the database refused too.
        skipped: how many other messages could not be read.
        seconds: of the database transaction.
    """

    batch: Batch
    written: dict[str, Written]
    rejects: list[RejectRow]
    skipped: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Keeping:
    """A batch's two halves. The first needs the processor, the second the database."""

    mart: Mart
    topics: TopicSettings
    limits: Limits

    def prepare(self, batch: Batch) -> Prepared:
        """Decode the messages into rows, the last of an id; scores and alerts that break the contract are rejects."""
        return Prepared(batch, *decode_batch(batch, self.topics))

    def write(self, prepared: Prepared) -> Kept:
        """Write rows, rejects and offsets in one database transaction, unless the rejects are too many.

        Raises:
            Retry: nothing of the batch was written; Stop: likewise, and nothing a retry could mend.
        """
        started, batch = time.monotonic(), prepared.batch
        written, rejects = self.mart.write(batch, prepared.parts, prepared.rejects, partial(self.limits.check, batch))
        self.limits.count(batch, rejects)
        return Kept(batch, written, rejects, prepared.skipped, time.monotonic() - started)


def decode_batch(batch: Batch, topics: TopicSettings) -> tuple[list[TableRows], list[RejectRow], int]:
    """Return the rows of a batch, the rejects of scores and alerts, and how many others could not be read.

    Of an id that comes more than once the last one is kept: a merge must not meet a row twice (SQLSTATE 21000).
    """
    rows: dict[str, dict[str, Row]] = {table.name: {} for table in TABLES}
    rejects: list[RejectRow] = []
    skipped = 0
    for message in batch.messages:
        topic, partition, offset, value = message.topic(), message.partition(), message.offset(), message.value()
        assert topic is not None  # noqa: S101  # a message that was read has its place; this tells the type checker
        assert partition is not None  # noqa: S101
        assert offset is not None  # noqa: S101
        row: Row
        try:
            if topic == topics.scores:
                table, row = SCORES, decode_score(value, message.timestamp()[1], partition, offset)
            elif topic == topics.alerts:
                table, row = ALERTS, decode_alert(value, message.timestamp()[1], partition, offset)
            elif topic == topics.models:
                kind, row = decode_model_message(value, message.timestamp()[1], partition, offset)
                table = MODEL_TABLES[kind]
            else:
                table, row = TRANSACTIONS, decode_transaction(value, topic, partition, offset)
        except Reject as reject:
            if topic in {topics.scores, topics.alerts}:
                rejects.append(reject_row(message, reject))
            else:
                skipped += 1
        else:
            rows[table.name][row[0]] = row
    read_from = {
        SCORES: topics.scores,
        TRANSACTIONS: topics.transactions,
        ALERTS: topics.alerts,
        SPANS: topics.models,
        TALLIES: topics.models,
    }
    parts = [TableRows(table, topic, list(rows[table.name].values())) for table, topic in read_from.items()]
    return parts, rejects, skipped
