"""Sends a single transaction, checked and encoded like a row of a file, and waits for its score."""

import io
import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from services.common.contract.cards import FIELDS
from services.common.process import StopSignal
from services.common.settings import KafkaSettings
from services.sender.dialect import ID_COLUMN, REQUIRED, read_dialect
from services.sender.publish import publish
from services.sender.report import BadRow, RowFault
from services.sender.rows import RowEncoder, spellings
from ui.database import Database
from ui.review.case import Case, read_case

SCORE_TIMEOUT_SECONDS = 20.0
REASONS_TIMEOUT_SECONDS = 2.0
"""Wait for the reasons of a flagged transaction, after its score."""
POLL_SECONDS = 0.02

DEFAULTS = {
    "amount": "25.79", "cat_id": "grocery_net", "transaction_time": "", "merch": "Stokes, Christiansen and Sipes",
    "name_1": "Maria", "name_2": "Example", "street": "1 Example Street", "gender": "F", "one_city": "Springfield",
    "us_state": "IL", "post_code": "62701", "population_city": "114394", "jobs": "Surveyor", "lat": "39.7817",
    "lon": "-89.6501", "merchant_lat": "39.9012", "merchant_lon": "-89.1205",
}  # fmt: skip
"""The form's initial values; the time is filled in by the reader's clock."""

SUSPICIOUS = {"amount": "995.70", "cat_id": "shopping_net"}
"""Values that, at the time below, any model of this data flags."""
SUSPICIOUS_HOUR, SUSPICIOUS_MINUTE = 23, 10

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


def compose(values: Mapping[str, str], categories: Sequence[str] = ()) -> Message:
    """Return the message of a transaction given as texts by field, parsed like the cells of a file, with a new id.

    Args:
        values: field -> text; a field that is missing is empty.
        categories: those the model knows.

    Raises:
        BadRow: a required field is empty or a value is invalid; names the field.
    """
    dialect = read_dialect(io.BytesIO((";".join((*FIELDS, ID_COLUMN)) + "\n").encode()))
    transaction_id = str(uuid.uuid4())  # sent twice it is two transactions, unlike a file
    encoder = RowEncoder(dialect, Counter(), spellings(categories))
    row = encoder.encode([*(values.get(field) or "" for field in FIELDS), transaction_id])
    if row is None:
        raise BadRow(RowFault.EMPTY_CELL, REQUIRED[0], "is empty, but required")
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


def time_at_night(utc_offset_minutes: int) -> str:
    """Return yesterday's SUSPICIOUS_HOUR and SUSPICIOUS_MINUTE by the reader's clock."""
    yesterday = datetime.now(UTC) + timedelta(minutes=utc_offset_minutes, days=-1)
    return f"{yesterday.replace(hour=SUSPICIOUS_HOUR, minute=SUSPICIOUS_MINUTE):%Y-%m-%d %H:%M}"
