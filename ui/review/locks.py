"""Locks cases in PostgreSQL, so that no two analysts work on the same one.

A lock holds while the case awaits a verdict. It ends by itself, or when its analyst closes the case or returns it.
"""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from ui.database import Connection

LOCK_MINUTES = 15

AWAITS_VERDICT = """
    coalesce((
        select verdict from verdicts v where v.transaction_id = s.transaction_id order by ordinal desc limit 1
    ), 'returned') = 'returned'
"""
"""SQL condition: the transaction of the score `s` has no verdict, or was returned to the queue."""


@dataclass(frozen=True, slots=True)
class Lock:
    """Who works on a case, and until when nobody else can."""

    analyst: str
    locked_until: datetime


def lock_case(connection: Connection, transaction_id: str, analyst: str) -> bool:
    """Lock a case for LOCK_MINUTES from now; return False if it is another's, or awaits no verdict."""
    # The lock of a judged case stays until its time has passed: an analyst whose queue was read before the verdict
    # finds the case locked, and does not get it as the next one.
    query = f"""
        insert into case_locks as l (transaction_id, analyst, locked_until)
        select transaction_id, %s, now() + make_interval(mins => %s) from scores s
        where transaction_id = %s and {AWAITS_VERDICT}
        on conflict (transaction_id) do update set analyst = excluded.analyst, locked_until = excluded.locked_until
        where l.analyst = excluded.analyst or l.locked_until <= now()
    """  # noqa: S608  # a constant of this module
    return connection.execute(query, [analyst, LOCK_MINUTES, transaction_id]).rowcount == 1


def unlock_case(connection: Connection, transaction_id: str, analyst: str) -> None:
    """Give a case back, if it is this analyst's."""
    connection.execute("delete from case_locks where transaction_id = %s and analyst = %s", [transaction_id, analyst])


def read_lock(connection: Connection, transaction_id: str) -> Lock | None:
    """Return who works on a case; None if nobody does, or if it awaits no verdict."""
    query = f"""
        select analyst, locked_until from case_locks join scores s using (transaction_id)
        where transaction_id = %s and locked_until > now() and {AWAITS_VERDICT}
    """  # noqa: S608  # a constant of this module
    with connection.cursor(row_factory=class_row(Lock)) as cursor:
        return cursor.execute(query, [transaction_id]).fetchone()
