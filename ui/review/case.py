"""Everything about one payment: what was paid, why it was flagged, what its customer paid before, who judged it.

Knows the tables, not the page.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.rows import class_row, scalar_row, tuple_row

from ui.database import Connection
from ui.review.verdicts import Given, of_payment

EARLIER_PAYMENTS = 200
"""Earlier payments of the customer that are read: the latest in event time."""


@dataclass(frozen=True, slots=True)
class Payment:
    """A scored payment. A field that was missing in the message, or has not arrived yet, is None.

    `score` is in [0, 1]; `event_time` is local to the payment; `customer` is name, surname and street, parted by |.
    """

    transaction_id: str
    score: float
    fraud_flag: int
    scored_at: datetime
    event_time: datetime | None
    amount: float | None
    category: str | None
    merchant: str | None
    state: str | None
    city: str | None
    customer: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReasonShown:
    """A group of features that moved the score: up or down, how much, and the values it had.

    `share` is its size in relation to the largest of the payment's reasons, in [0, 1].
    """

    feature: str
    raises: bool
    share: float
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Alert:
    """Why the payment was flagged, the largest reason first, by which model at which threshold."""

    reasons: list[ReasonShown]
    model_version: str
    threshold: float


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier payment of the same customer; it may have no score (yet)."""

    event_time: datetime
    amount: float | None
    category: str | None
    merchant: str | None
    score: float | None
    fraud_flag: int | None
    transaction_id: str


@dataclass(frozen=True, slots=True)
class Case:
    """A payment with all that belongs to it; `alert` is None until the reasons have arrived.

    `earlier` runs from the latest to the earliest, at most EARLIER_PAYMENTS; `earlier_count` counts all of them.
    """

    payment: Payment
    alert: Alert | None
    earlier: list[Earlier]
    earlier_count: int
    verdicts: list[Given]


def read_case(connection: Connection, transaction_id: str, limit: int = EARLIER_PAYMENTS) -> Case | None:
    """Return a payment with all that belongs to it, in one read-only database transaction; None if it has no score."""
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        payment = _payment(connection, transaction_id)
        if payment is None:
            return None
        return Case(
            payment,
            _alert(connection, transaction_id),
            _earlier(connection, payment, limit),
            _count_earlier(connection, payment),
            of_payment(connection, transaction_id),
        )


def _payment(connection: Connection, transaction_id: str) -> Payment | None:
    query = """
        select transaction_id, score, fraud_flag, scored_at, event_time, amount, category, merchant, state, city,
               customer
        from scored_transactions where transaction_id = %s
    """
    with connection.cursor(row_factory=class_row(Payment)) as cursor:
        return cursor.execute(query, [transaction_id]).fetchone()


def _alert(connection: Connection, transaction_id: str) -> Alert | None:
    query = "select reasons, model_version, threshold from alerts where transaction_id = %s"
    with connection.cursor(row_factory=tuple_row) as cursor:
        found = cursor.execute(query, [transaction_id]).fetchone()
    return Alert(read_reasons(found[0]), found[1], found[2]) if found else None


def read_reasons(written: Any) -> list[ReasonShown]:
    """Return the reasons as written to `alerts`, the largest first; what is not of their form is left out."""
    whole = [one for one in written if _is_reason(one)] if isinstance(written, list) else []
    whole.sort(key=lambda one: -abs(one["size"]))
    largest = abs(whole[0]["size"]) if whole else 0.0
    return [
        ReasonShown(
            one["feature"], one["direction"] == "up", abs(one["size"]) / largest if largest else 0.0, one["values"]
        )
        for one in whole
    ]


def finite(value: Any) -> float | None:
    """Return a value of a record as a float if it is a finite number: another version may have written anything."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # an integer of more than 308 digits
        return None
    return number if math.isfinite(number) else None


def _is_reason(one: Any) -> bool:
    if not isinstance(one, dict) or not isinstance(one.get("feature"), str) or finite(one.get("size")) is None:
        return False
    return one.get("direction") in ("up", "down") and isinstance(one.get("values"), dict)  # a list has no hash


def _earlier(connection: Connection, payment: Payment, limit: int) -> list[Earlier]:
    if payment.customer is None or payment.event_time is None:
        return []
    query = """
        select t.event_time, t.amount, t.category, t.merchant, s.score, s.fraud_flag, t.transaction_id
        from (
            select * from transactions where customer = %s and event_time < %s order by event_time desc limit %s
        ) t left join scores s using (transaction_id)
        order by t.event_time desc, t.transaction_id
    """
    with connection.cursor(row_factory=class_row(Earlier)) as cursor:
        return cursor.execute(query, [payment.customer, payment.event_time, limit]).fetchall()


def _count_earlier(connection: Connection, payment: Payment) -> int:
    if payment.customer is None or payment.event_time is None:
        return 0
    query = "select count(*) from transactions where customer = %s and event_time < %s"
    with connection.cursor(row_factory=scalar_row) as cursor:
        found = cursor.execute(query, [payment.customer, payment.event_time]).fetchone()
    return int(found or 0)
