"""What is done with a batch: from messages to rows, and from there to one database transaction."""

import time
from collections.abc import Callable
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


Decode = Callable[[bytes | None, int, int, int], Row]
"""Makes a row of (value, Kafka's timestamp in ms, partition, offset), or raises Reject."""


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
    judged: dict[str, tuple[dict[str, Row], Decode]] = {
        topics.scores: (rows[SCORES.name], decode_score),
        topics.alerts: (rows[ALERTS.name], decode_alert),
    }
    transactions, of_models = rows[TRANSACTIONS.name], topics.models
    rejects: list[RejectRow] = []
    skipped = 0
    for message in batch.messages:
        topic: str = message.topic()  # type: ignore[assignment]  # a message that was read has its place
        partition: int = message.partition()  # type: ignore[assignment]
        offset: int = message.offset()  # type: ignore[assignment]
        try:
            if topic in judged:
                into, decode = judged[topic]
                row = decode(message.value(), message.timestamp()[1], partition, offset)
            elif topic == of_models:
                kind, row = decode_model_message(message.value(), message.timestamp()[1], partition, offset)
                into = rows[MODEL_TABLES[kind].name]
            else:
                into, row = transactions, decode_transaction(message.value(), topic, partition, offset)
        except Reject as reject:
            if topic in judged:
                rejects.append(reject_row(message, reject))
            else:
                skipped += 1
        else:
            into[row[0]] = row
    read_from = {
        SCORES: topics.scores,
        TRANSACTIONS: topics.transactions,
        ALERTS: topics.alerts,
        SPANS: topics.models,
        TALLIES: topics.models,
    }
    parts = [TableRows(table, topic, list(rows[table.name].values())) for table, topic in read_from.items()]
    return parts, rejects, skipped
