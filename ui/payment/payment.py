"""Sends a single transaction, checked and encoded like a row of a file, and waits for its score."""

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from services.common.contract.model import Contract
from services.common.process import StopSignal
from services.common.reading.values import BadValue, read_time
from services.common.settings import KafkaSettings
from services.sender.dialect import Dialect
from services.sender.publish import publish
from services.sender.report import BadRow, RowFault
from services.sender.rows import RowEncoder
from ui.database import Database
from ui.review.case import Case, read_case

SCORE_TIMEOUT_SECONDS = 20.0
REASONS_TIMEOUT_SECONDS = 2.0
"""Wait for the reasons of a flagged transaction, after its score."""
POLL_SECONDS = 0.02

Send = Callable[[bytes | None, bytes], None]


@dataclass(frozen=True, slots=True)
class Message:
    """A transaction as it is written to the topic `transactions`."""

    transaction_id: str
    key: bytes | None
    value: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """The case, None without a score in time, and the milliseconds from the acknowledgement to the row in the mart."""

    case: Case | None
    milliseconds: int


@dataclass(frozen=True, slots=True)
class SentTransaction:
    """A transaction that Kafka accepted: its id, milliseconds to the acknowledgement, and from there to its score."""

    transaction_id: str
    accepted: int
    scored: int = 0

    def dump(self) -> str:
        """Return it as text, for the browser to store."""
        return json.dumps([self.transaction_id, self.accepted, self.scored])

    @classmethod
    def load(cls, text: Any) -> "SentTransaction | None":
        """Return what dump() wrote; None for anything else: the browser could send anything."""
        try:
            return TypeAdapter(cls).validate_python(dict(zip(cls.__slots__, json.loads(text), strict=True)))
        except (TypeError, ValueError):
            return None


def compose(values: Mapping[str, str], contract: Contract) -> Message:
    """Return the message of a transaction given as texts by field, parsed like the cells of a file, with a new id.

    Args:
        values: field -> text; a field that is missing is empty.
        contract: of the fields.

    Raises:
        BadRow: a required field is empty or a value is invalid; names the field.
    """
    columns = (*contract.fields, contract.record.id)
    positions = {column: place for place, column in enumerate(columns)}
    dialect = Dialect(",", len(columns), positions, first_line=2, missing=(), ignored=(), repaired={})
    transaction_id = str(uuid.uuid4())  # sent twice it is two transactions, unlike a file
    cells = [*(values.get(field) or "" for field in contract.fields), transaction_id]
    row = RowEncoder(contract, dialect, Counter()).encode(cells)
    if row is None:
        raise BadRow(RowFault.EMPTY_CELL, columns[0], "is empty")  # never: the id is not
    return Message(transaction_id, row[1], row[2])


def send_one(
    key: bytes | None, value: bytes, *, kafka: KafkaSettings, topic: str, check_kafka: Callable[[], None]
) -> None:
    """Send one message and return when the brokers have acknowledged it.

    Raises:
        Retry: Kafka does not answer; Stop: it refuses.
    """
    check_kafka()
    publish([(key, value)], kafka, topic)


def await_answer(mart: Database, transaction_id: str, stop: StopSignal) -> Answer:
    """Wait until the transaction has a score in the mart and, if it is flagged, for its reasons too."""
    started = time.monotonic()
    case = _poll(mart, transaction_id, stop, SCORE_TIMEOUT_SECONDS, lambda found: found is not None)
    milliseconds = round((time.monotonic() - started) * 1000)
    if case is not None and case.transaction.fraud_flag:
        has_reasons = _poll(
            mart, transaction_id, stop, REASONS_TIMEOUT_SECONDS, lambda found: bool(found and found.alert)
        )
        case = has_reasons or case
    return Answer(case, milliseconds)


def _poll(
    mart: Database, transaction_id: str, stop: StopSignal, timeout: float, done: Callable[[Case | None], bool]
) -> Case | None:
    """Read the case until it is `done` or the timeout is over; return the last one read."""
    deadline = time.monotonic() + timeout
    while True:
        found = mart.ask(lambda connection: (read_case(connection, transaction_id),))
        case = found[0] if found else None
        if done(case) or time.monotonic() > deadline or stop.wait(POLL_SECONDS):
            return case


def time_now(utc_offset_minutes: int) -> str:
    """Return the time of the reader's clock in the format of the form."""
    return f"{datetime.now(UTC) + timedelta(minutes=utc_offset_minutes):%Y-%m-%d %H:%M}"


def yesterday_at(time: str, utc_offset_minutes: int) -> str:
    """Return yesterday by the reader's clock, at the time of day of another time; that time itself if it is none."""
    yesterday = datetime.now(UTC) + timedelta(minutes=utc_offset_minutes, days=-1)
    try:
        return f"{yesterday:%Y-%m-%d} {read_time(time).time:%H:%M}"
    except BadValue:
        return time
