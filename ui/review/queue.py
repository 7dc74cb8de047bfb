"""Reads the queue of transactions that await a verdict, and hands its cases out, each to one analyst.

With a blind sample (ui/review/sample.py) transactions that were not flagged wait among those that were.
"""

from dataclasses import dataclass
from enum import StrEnum

from psycopg.rows import class_row

from ui.database import Connection, ListedTransaction
from ui.review.locks import AWAITS_VERDICT, lock_case
from ui.review.sample import WINDOW_DAYS

QUEUE_LIMIT = 1000
"""Waiting transactions that are sorted and counted: the latest."""


class QueueOrder(StrEnum):
    """The order of the queue: the latest first, or the largest score or amount first."""

    LATEST = "latest"
    SCORE = "score"
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True)
class QueuedTransaction(ListedTransaction):
    """A transaction that awaits a verdict; `locked_by` is the analyst who works on it, if anybody does."""

    locked_by: str | None


@dataclass(frozen=True, slots=True)
class Queue:
    """The head of an analyst's queue, how many wait in it, and how many are with others.

    With `more` there are more than were counted.
    """

    head: list[QueuedTransaction]
    waiting: int
    with_others: int
    more: bool


WAITING = f"""
    select w.transaction_id, w.score, t.event_time, t.amount, t.category, t.merchant, t.state, l.analyst as locked_by
    from (
        (
            select transaction_id, score, arrival from scores s
            where fraud_flag = 1 and {AWAITS_VERDICT}
            order by arrival desc limit %(limit)s
        )
        union all
        (
            select transaction_id, score, arrival
            from blind_samples join blind_draws using (draw_id) join scores s using (transaction_id)
            where %(blind)s and drawn_at > now() - make_interval(days => %(days)s)
                and fraud_flag = 0 and {AWAITS_VERDICT}
            order by arrival desc limit %(limit)s
        )
        order by arrival desc limit %(limit)s
    ) w
    left join transactions t using (transaction_id)
    left join case_locks l on l.transaction_id = w.transaction_id and l.locked_until > now()
    order by w.arrival desc
"""  # noqa: S608  # a constant of this module


class CaseQueue:
    """The queue; with `blind`, the blind sample is in it."""

    def __init__(self, *, blind: bool = False, limit: int = QUEUE_LIMIT) -> None:
        self._parameters = {"blind": blind, "days": WINDOW_DAYS, "limit": limit + 1}
        self._limit = limit

    def read(self, connection: Connection, order: QueueOrder, shown: int, analyst: str | None) -> Queue:
        """Return an analyst's queue: of the latest `limit` that await a verdict, those that nobody else works on.

        The first `shown` of them, in the given order, are its head.
        """
        waiting, more = self._waiting(connection, order)
        own = [row for row in waiting if row.locked_by in (None, analyst)]
        return Queue(own[:shown], len(own), len(waiting) - len(own), more)

    def take(self, connection: Connection, order: QueueOrder, analyst: str, skipped: str | None = None) -> str | None:
        """Lock the next case for an analyst and return its id; None if there is none.

        Cases that the analyst has opened before come after all others, the `skipped` one not at all.
        """
        waiting, _ = self._waiting(connection, order)
        fresh = [row for row in waiting if row.locked_by is None]
        opened = [row for row in waiting if row.locked_by == analyst and row.transaction_id != skipped]
        for row in (*fresh, *opened):
            if lock_case(connection, row.transaction_id, analyst):
                return row.transaction_id
        return None

    def _waiting(self, connection: Connection, order: QueueOrder) -> tuple[list[QueuedTransaction], bool]:
        """Return the latest that await a verdict, in the given order, and whether there are more."""
        with connection.cursor(row_factory=class_row(QueuedTransaction)) as cursor:
            found = cursor.execute(WAITING, self._parameters).fetchall()
        waiting = found[: self._limit]
        if order is QueueOrder.SCORE:
            waiting.sort(key=lambda row: -row.score)
        elif order is QueueOrder.AMOUNT:
            waiting.sort(key=lambda row: -(row.amount or 0.0))
        return waiting, len(found) > self._limit
