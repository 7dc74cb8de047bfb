"""One payment by hand: checked and sent like a row of a file, then its score is waited for. Knows no page."""

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

from services.common.contract import FIELDS
from services.common.process import StopSignal
from services.common.settings import KafkaSettings
from services.sender.dialect import ID_COLUMN, REQUIRED, read_dialect
from services.sender.publish import publish
from services.sender.report import BadRow, RowFault
from services.sender.rows import RowEncoder, spellings
from ui.database import Database
from ui.review.case import Case, read_case

PATIENCE_SECONDS = 20.0
"""How long a score is waited for."""
REASONS_PATIENCE_SECONDS = 2.0
"""How long, after the score, the reasons of a flagged payment are waited for."""
ASK_EVERY_SECONDS = 0.02

DEFAULTS = {
    "amount": "25.79", "cat_id": "grocery_net", "transaction_time": "", "merch": "Stokes, Christiansen and Sipes",
    "name_1": "Maria", "name_2": "Example", "street": "1 Example Street", "gender": "F", "one_city": "Springfield",
    "us_state": "IL", "post_code": "62701", "population_city": "114394", "jobs": "Surveyor", "lat": "39.7817",
    "lon": "-89.6501", "merchant_lat": "39.9012", "merchant_lon": "-89.1205",
}  # fmt: skip
"""What stands in the form; the time is the reader's own, to the minute."""

SUSPICIOUS = {"amount": "995.70", "cat_id": "shopping_net"}
"""With a time at night: what any model of this data flags."""
SUSPICIOUS_HOUR, SUSPICIOUS_MINUTE = 23, 10

Send = Callable[[bytes | None, bytes], None]


@dataclass(frozen=True, slots=True)
class Message:
    """A payment as it goes to the topic `transactions`."""

    transaction_id: str
    key: bytes | None
    value: bytes


@dataclass(frozen=True, slots=True)
class PaymentScore:
    """What came back, or None if nothing did; milliseconds from the acknowledgement to the row in the mart."""

    case: Case | None
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment that Kafka has taken: its id, milliseconds to the acknowledgement, and from there to its score."""

    transaction_id: str
    accepted: int
    scored: int = 0

    def written(self) -> str:
        """Return it as text."""
        return json.dumps([self.transaction_id, self.accepted, self.scored])

    @classmethod
    def read(cls, text: Any) -> "Paid | None":
        """Return what a browser gives back, None if it is none."""
        try:
            return TypeAdapter(cls).validate_python(dict(zip(cls.__slots__, json.loads(text), strict=True)))
        except (TypeError, ValueError):
            return None


def compose(values: Mapping[str, str], categories: Sequence[str] = ()) -> Message:
    """Return the message of a payment given as texts by field, with a new id; read as the cells of a file are.

    `categories` are those the model knows.

    Raises:
        BadRow: a needed field is empty, or a value is not what it should be; names the field.
    """
    dialect = read_dialect(io.BytesIO((";".join((*FIELDS, ID_COLUMN)) + "\n").encode()))
    transaction_id = str(uuid.uuid4())  # the same payment made twice is two, unlike a file that is sent twice
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


def await_answer(mart: Database, transaction_id: str, stop: StopSignal) -> PaymentScore:
    """Wait until the payment has a score in the mart, and a little longer for its reasons if it is flagged."""
    started = time.monotonic()
    case = _await(mart, transaction_id, stop, PATIENCE_SECONDS, lambda found: found is not None)
    milliseconds = round((time.monotonic() - started) * 1000)
    if case is not None and case.payment.fraud_flag:
        whole = _await(mart, transaction_id, stop, REASONS_PATIENCE_SECONDS, lambda found: bool(found and found.alert))
        case = whole or case
    return PaymentScore(case, milliseconds)


def _await(
    mart: Database, transaction_id: str, stop: StopSignal, patience: float, enough: Callable[[Case | None], bool]
) -> Case | None:
    """Read the case again and again until it is enough or patience ends; return what was read last."""
    deadline = time.monotonic() + patience
    while True:
        found = mart.ask(lambda connection: (read_case(connection, transaction_id),))
        case = found[0] if found else None
        if enough(case) or time.monotonic() > deadline or stop.wait(ASK_EVERY_SECONDS):
            return case


def time_now(utc_offset_minutes: int) -> str:
    """Return the reader's clock as the form wants it."""
    return f"{datetime.now(UTC) + timedelta(minutes=utc_offset_minutes):%Y-%m-%d %H:%M}"


def time_at_night(utc_offset_minutes: int) -> str:
    """Return last night's suspicious hour by the reader's clock."""
    yesterday = datetime.now(UTC) + timedelta(minutes=utc_offset_minutes, days=-1)
    return f"{yesterday.replace(hour=SUSPICIOUS_HOUR, minute=SUSPICIOUS_MINUTE):%Y-%m-%d %H:%M}"
