"""Reads a case from PostgreSQL: a transaction, why it was flagged, its customer's earlier ones, its verdicts."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.rows import class_row, scalar_row, tuple_row

from ui.database import Connection, ListedTransaction
from ui.review.locks import Lock, read_lock
from ui.review.verdicts import GivenVerdict, Verdict, read_verdicts

EARLIER_LIMIT = 200
"""Earlier transactions of the customer that are read: the latest in event time."""


@dataclass(frozen=True, slots=True)
class ScoredTransaction(ListedTransaction):
    """A scored transaction; `customer` is the key, its fields joined by |."""

    fraud_flag: int
    scored_at: datetime
    city: str | None
    customer: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class AlertReason:
    """A group of features that moved the score: its values, whether it raised the score, and how much.

    `share` is its size relative to the largest of the transaction's reasons, in [0, 1].
    """

    feature: str
    raises: bool
    share: float
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Alert:
    """Why the transaction was flagged, the largest reason first, by which model at which threshold."""

    reasons: list[AlertReason]
    model_version: str
    threshold: float


@dataclass(frozen=True, slots=True)
class EarlierTransaction:
    """An earlier transaction of the same customer; it may have no score (yet)."""

    event_time: datetime
    amount: float | None
    category: str | None
    merchant: str | None
    score: float | None
    fraud_flag: int | None
    transaction_id: str


@dataclass(frozen=True, slots=True)
class Case:
    """A transaction with all that belongs to it.

    Attributes:
        alert: None until the reasons have arrived.
        earlier: from the latest to the earliest, at most EARLIER_LIMIT.
        earlier_count: the number of all of them.
        verdicts: the first one given first.
        lock: who works on the case; None if nobody does.
        drawn: the probability with which it was drawn for the blind sample; None if it was not.
    """

    transaction: ScoredTransaction
    alert: Alert | None
    earlier: list[EarlierTransaction]
    earlier_count: int
    verdicts: list[GivenVerdict]
    lock: Lock | None = None
    drawn: float | None = None

    @property
    def awaits_verdict(self) -> bool:
        """Whether there is no verdict, or the last one returned the transaction to the queue."""
        return not self.verdicts or self.verdicts[-1].verdict == Verdict.RETURNED


def read_case(connection: Connection, transaction_id: str, limit: int = EARLIER_LIMIT) -> Case | None:
    """Return a transaction's case, read in one read-only database transaction; None if it has no score."""
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        transaction = _transaction(connection, transaction_id)
        if transaction is None:
            return None
        return Case(
            transaction,
            _alert(connection, transaction_id),
            _earlier(connection, transaction, limit),
            _count_earlier(connection, transaction),
            read_verdicts(connection, transaction_id),
            read_lock(connection, transaction_id),
            _drawn(connection, transaction_id),
        )


def parse_reasons(written: Any) -> list[AlertReason]:
    """Return the reasons as stored in `alerts`, the largest first; whatever is not of their form is left out."""
    valid = [one for one in written if _is_reason(one)] if isinstance(written, list) else []
    valid.sort(key=lambda one: -abs(one["size"]))
    largest = abs(valid[0]["size"]) if valid else 0.0
    return [
        AlertReason(
            one["feature"], one["direction"] == "up", abs(one["size"]) / largest if largest else 0.0, one["values"]
        )
        for one in valid
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


def _transaction(connection: Connection, transaction_id: str) -> ScoredTransaction | None:
    query = """
        select transaction_id, score, fraud_flag, scored_at, event_time, amount, category, merchant, state, city,
               customer
        from scored_transactions where transaction_id = %s
    """
    with connection.cursor(row_factory=class_row(ScoredTransaction)) as cursor:
        return cursor.execute(query, [transaction_id]).fetchone()


def _alert(connection: Connection, transaction_id: str) -> Alert | None:
    query = "select reasons, model_version, threshold from alerts where transaction_id = %s"
    with connection.cursor(row_factory=tuple_row) as cursor:
        found = cursor.execute(query, [transaction_id]).fetchone()
    return Alert(parse_reasons(found[0]), found[1], found[2]) if found else None


def _drawn(connection: Connection, transaction_id: str) -> float | None:
    query = "select probability from blind_samples where transaction_id = %s"
    with connection.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(query, [transaction_id]).fetchone()


def _is_reason(one: Any) -> bool:
    if not isinstance(one, dict) or not isinstance(one.get("feature"), str) or finite(one.get("size")) is None:
        return False
    return one.get("direction") in ("up", "down") and isinstance(one.get("values"), dict)


def _earlier(connection: Connection, transaction: ScoredTransaction, limit: int) -> list[EarlierTransaction]:
    # A customer or a time that is null compares with nothing: no rows.
    query = """
        select t.event_time, t.amount, t.category, t.merchant, s.score, s.fraud_flag, t.transaction_id
        from (
            select * from transactions where customer = %s and event_time < %s order by event_time desc limit %s
        ) t left join scores s using (transaction_id)
        order by t.event_time desc, t.transaction_id
    """
    with connection.cursor(row_factory=class_row(EarlierTransaction)) as cursor:
        return cursor.execute(query, [transaction.customer, transaction.event_time, limit]).fetchall()


def _count_earlier(connection: Connection, transaction: ScoredTransaction) -> int:
    query = "select count(*) from transactions where customer = %s and event_time < %s"
    with connection.cursor(row_factory=scalar_row) as cursor:
        return int(cursor.execute(query, [transaction.customer, transaction.event_time]).fetchall()[0])
