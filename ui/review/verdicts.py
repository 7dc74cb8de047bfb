"""What analysts say of payments: gives verdicts, counts them, finds what waits for one. Knows the tables, not the page.

A verdict is never changed. The last one of a payment counts; one that returns the payment puts it back into the queue.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import psycopg
from psycopg.rows import class_row, scalar_row

from ui.database import Connection

COMMENT_MAX_CHARACTERS = 1000
QUEUE_LOOKS_AT = 1000
"""Of the payments that wait, how many are put in order and counted: the latest."""


class Verdict(StrEnum):
    """What can be said of a payment."""

    FRAUD = "fraud"
    FALSE_ALARM = "false_alarm"
    RETURNED = "returned"


class QueueOrder(StrEnum):
    """In which order the queue is worked off: the latest first, or the largest of a figure."""

    LATEST = "latest"
    SCORE = "score"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class Given:
    """A verdict that was given."""

    ordinal: int
    verdict: str
    comment: str
    analyst: str
    given_at: datetime


@dataclass(frozen=True, slots=True)
class QueuedCase:
    """A flagged payment nobody has judged yet."""

    transaction_id: str
    score: float
    event_time: datetime | None
    amount: float | None
    category: str | None
    merchant: str | None
    state: str | None


@dataclass(frozen=True, slots=True)
class Queue:
    """The head of the queue and how many wait; `more` says that it is at least so many."""

    head: list[QueuedCase]
    waiting: int
    more: bool


@dataclass(frozen=True, slots=True)
class Precision:
    """Of the latest judged alerts, how many were frauds."""

    frauds: int
    judged: int

    @property
    def share(self) -> float:
        """The share of frauds; 0 where nothing is judged."""
        return self.frauds / self.judged if self.judged else 0.0

    def interval(self, z: float = 1.96) -> tuple[float, float]:
        """Return the limits of Wilson's score interval, 95 % unless another z is given; (0, 1) of nothing."""
        if not self.judged:
            return 0.0, 1.0
        n, share = self.judged, self.share
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)


def give(connection: Connection, transaction_id: str, after: int, verdict: Verdict, comment: str, analyst: str) -> bool:
    """Keep a verdict on a scored payment of which `after` verdicts were seen; return whether it is kept.

    It is not kept if somebody else has given one meanwhile, or this one is given twice.
    """
    query = """
        insert into verdicts (transaction_id, ordinal, verdict, comment, analyst, score, fraud_flag)
        select transaction_id, %s, %s, %s, %s, score, fraud_flag from scores where transaction_id = %s
    """
    try:
        kept = connection.execute(query, [after + 1, verdict.value, comment, analyst, transaction_id])
    except psycopg.errors.UniqueViolation:
        return False
    return kept.rowcount == 1


def of_payment(connection: Connection, transaction_id: str) -> list[Given]:
    """Return the verdicts on a payment, the first one first."""
    query = """
        select ordinal, verdict, comment, analyst, given_at from verdicts where transaction_id = %s order by ordinal
    """
    with connection.cursor(row_factory=class_row(Given)) as cursor:
        return cursor.execute(query, [transaction_id]).fetchall()


LAST_OF_ITS_PAYMENT = """
    not exists (select from verdicts later
                where later.transaction_id = v.transaction_id and later.ordinal > v.ordinal)
"""


def latest_precision(connection: Connection, limit: int) -> Precision:
    """Return how many frauds are among the alerts judged last, at most `limit` of them."""
    query = f"""
        select verdict from verdicts v
        where verdict <> 'returned' and fraud_flag = 1 and {LAST_OF_ITS_PAYMENT}
        order by id desc limit %s
    """  # noqa: S608  # a constant of this module
    with connection.cursor(row_factory=scalar_row) as cursor:
        found: Sequence[str] = cursor.execute(query, [limit]).fetchall()
    return Precision(found.count(Verdict.FRAUD), len(found))


def queue(connection: Connection, order: QueueOrder, limit: int, looks_at: int = QUEUE_LOOKS_AT) -> Queue:
    """Return the flagged payments without a verdict that counts, in the order wanted; of the latest `looks_at`."""
    query = """
        select w.transaction_id, w.score, t.event_time, t.amount, t.category, t.merchant, t.state
        from (
            select transaction_id, score, arrival from scores s
            where fraud_flag = 1 and coalesce((
                select verdict from verdicts v where v.transaction_id = s.transaction_id order by ordinal desc limit 1
            ), 'returned') = 'returned'
            order by arrival desc limit %s
        ) w left join transactions t using (transaction_id)
        order by w.arrival desc
    """
    with connection.cursor(row_factory=class_row(QueuedCase)) as cursor:
        found = cursor.execute(query, [looks_at + 1]).fetchall()
    seen = found[:looks_at]
    if order is QueueOrder.SCORE:
        seen.sort(key=lambda row: -row.score)
    elif order is QueueOrder.AMOUNT:
        seen.sort(key=lambda row: -(row.amount or 0.0))
    return Queue(seen[:limit], len(seen), more=len(found) > looks_at)
