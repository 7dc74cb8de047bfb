"""What the fuzzing and the property tests call of the product. Where a signature changes, it is adapted here alone."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

import numpy as np
from confluent_kafka import Message
from numpy.typing import NDArray

from services.common.contract.ids import record_id
from services.scorer.decode import Columns, Decoder, Rejects
from services.scorer.history.changelog import Record, from_records, to_records
from services.scorer.history.events import Events
from services.scorer.history.history import History, Past
from services.scorer.models.load import load_model
from services.scorer.recall import PartitionHistories
from services.scorer.score import Model
from services.sender.csvfile import prepare
from services.sender.report import FileReport
from tests.support.contracts import SHIPPED, cards, cards_plan

TOPIC = "transactions"

HistoryEvent = tuple[int, int, float, int, float]
"""customer, seconds, amount, id, risk: what a history takes in"""


@cache
def decoders() -> tuple[Decoder, Decoder]:
    """Return a decoder of all 17 fields, and that of the shipped model, which skips those it does not need."""
    return Decoder(cards(), cards().fields), Decoder(cards(), cards_plan().fields)


def decode(
    values: Sequence[bytes | None], decoder: Decoder | None = None, offsets: Sequence[int] | None = None
) -> tuple[Columns, Rejects]:
    """Decode messages, into all 17 fields if not told otherwise. An id that is missing is made of the offset."""
    places = range(len(values)) if offsets is None else offsets
    return (decoder or decoders()[0]).decode(values, lambda row: record_id(TOPIC, 0, places[row]))


@dataclass(frozen=True, slots=True)
class _Read:
    """As much of a Kafka message as the memory looks at."""

    own_key: bytes | None

    def key(self) -> bytes | None:
        return self.own_key

    def partition(self) -> int:
        return 0


def recall(columns: Columns, keys: Sequence[bytes | None]) -> Columns:
    """Give the transactions of a batch their past, from an empty history; `keys` are those of all its messages."""
    memory = PartitionHistories(cards_plan())
    memory.follow({0: 0})
    return memory.recall(cast(list[Message], [_Read(key) for key in keys]), columns, cards_plan().readings)[0]


def features(columns: Columns) -> NDArray[np.float32]:
    """Return the shipped model's input."""
    return cards_plan().to_features(columns)


@cache
def model() -> Model:
    """Return the shipped model."""
    return load_model(SHIPPED)


def read_file(content: bytes) -> tuple[FileReport, list[tuple[bytes | None, bytes]]]:
    """Return the report on a CSV file, and its messages (key, value); raises FileRefused."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        with prepare(Path(file.name), contract=cards()) as prepared:
            assert len(prepared) == prepared.report.ready
            return prepared.report, list(prepared)


class Partition:
    """A partition's part of a history, and its changelog, as its owner keeps them."""

    def __init__(self, history: History | None = None, number: int = 0) -> None:
        self._history = empty_history() if history is None else history
        self._number = number
        self._changelog: list[tuple[bytes, bytes | None]] = []

    def observe(self, transactions: Sequence[HistoryEvent]) -> Past:
        """Take a batch in."""
        batch = events(transactions)
        past = self._history.observe(batch, cards_plan().readings, np.full(len(batch), self._number))
        stored, evicted = batch.take(past.stored), past.evicted.get(self._number, ())
        self._write(to_records(cards_plan().numbers, stored, past.sequences[past.stored], evicted))
        return past

    def restart(self) -> None:
        """Forget everything but the changelog."""
        restored = from_records(cards_plan().numbers, self._changelog)
        self._history.release(self._number)
        self._history.take_over(self._number, restored.history)
        self._write(restored.rewrites)

    def compact(self) -> None:
        """Keep the last record of each key, as the broker does in its own time."""
        self._changelog = list({key: (key, value) for key, value in self._changelog}.values())

    def _write(self, records: list[Record]) -> None:
        self._changelog += [(record["key"] or b"", record["value"]) for record in records]


def events(transactions: Sequence[HistoryEvent]) -> Events:
    """Return transactions as columns."""
    customers, seconds, amounts, numbers, risks = list(zip(*transactions, strict=True)) or [()] * 5
    return Events(
        np.array(customers, np.uint64),
        np.array(seconds, np.int64),
        np.array(numbers, np.uint64),
        np.array([amounts, risks], np.float32),
    )


def empty_history() -> History:
    """Return a history of card transactions, without any."""
    return History(cards_plan().numbers)
