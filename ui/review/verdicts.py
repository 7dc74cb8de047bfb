"""Reads and writes the analysts' verdicts in PostgreSQL.

A verdict is never changed. A transaction's last one counts; RETURNED puts the transaction back into the queue.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import psycopg
from psycopg.rows import class_row, scalar_row

from services.common.intervals import wilson
from ui.database import Connection
from ui.review.locks import AWAITS_VERDICT, unlock_case

COMMENT_MAX_CHARACTERS = 1000


class Verdict(StrEnum):
    """An analyst's decision on a transaction."""

    FRAUD = "fraud"
    FALSE_ALARM = "false_alarm"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class GivenVerdict:
    """A stored verdict; `verdict` may be a value that this version does not know."""

    ordinal: int
    verdict: str
    comment: str
    analyst: str
    given_at: datetime


@dataclass(frozen=True, slots=True)
class Precision:
    """How many of the latest alerts with a verdict were fraud."""

    frauds: int
    judged: int

    @property
    def share(self) -> float:
        """Frauds of judged alerts, in [0, 1]; 0 if there are none."""
        return self.frauds / self.judged if self.judged else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Limits of its 95 % interval; (0, 1) without any verdict."""
        return wilson(self.frauds, self.judged)


def save_verdict(
    connection: Connection, transaction_id: str, after: int, verdict: Verdict, comment: str, analyst: str
) -> bool:
    """Store a verdict on a scored transaction of which `after` verdicts were seen; return whether it was stored.

    It is not stored if someone else has given one in the meantime or works on the case, or if this one is sent twice.
    """
    query = f"""
        insert into verdicts (transaction_id, ordinal, verdict, comment, analyst, score, fraud_flag)
        select transaction_id, %(ordinal)s, %(verdict)s, %(comment)s, %(analyst)s, score, fraud_flag from scores s
        where transaction_id = %(transaction_id)s and not ({AWAITS_VERDICT} and exists (
            select from case_locks l
            where l.transaction_id = s.transaction_id and l.analyst <> %(analyst)s and l.locked_until > now()
        ))
    """  # noqa: S608  # a constant of ours
    values = {
        "transaction_id": transaction_id,
        "ordinal": after + 1,
        "verdict": verdict.value,
        "comment": comment,
        "analyst": analyst,
    }
    try:
        inserted = connection.execute(query, values)
    except psycopg.errors.UniqueViolation:
        return False
    if verdict is Verdict.RETURNED:  # any other needs no unlocking: the case has left the queue
        unlock_case(connection, transaction_id, analyst)
    return inserted.rowcount == 1


def read_verdicts(connection: Connection, transaction_id: str) -> list[GivenVerdict]:
    """Return the verdicts on a transaction, the first one first."""
    query = """
        select ordinal, verdict, comment, analyst, given_at from verdicts where transaction_id = %s order by ordinal
    """
    with connection.cursor(row_factory=class_row(GivenVerdict)) as cursor:
        return cursor.execute(query, [transaction_id]).fetchall()


IS_LATEST = """
    not exists (select from verdicts later
                where later.transaction_id = v.transaction_id and later.ordinal > v.ordinal)
"""
"""SQL condition: the verdict `v` is its transaction's last one."""


def read_precision(connection: Connection, limit: int) -> Precision:
    """Return how many frauds are among the alerts judged last, at most `limit` of them."""
    query = f"""
        select verdict from verdicts v
        where verdict <> 'returned' and fraud_flag = 1 and {IS_LATEST}
        order by id desc limit %s
    """  # noqa: S608  # a constant of this module
    with connection.cursor(row_factory=scalar_row) as cursor:
        found: Sequence[str] = cursor.execute(query, [limit]).fetchall()
    return Precision(found.count(Verdict.FRAUD), len(found))
