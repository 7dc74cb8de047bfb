"""Queries of the live view.

Each reads the newest rows by an index, so none takes longer in a larger mart.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from psycopg.rows import class_row, tuple_row

from ui.database import Connection, ListedTransaction

LATEST = 1_000
"""Transactions in the window, and flagged ones in the list."""

SHARE_OF = 10_000
"""Latest transactions whose flagged share is shown; it is compared with as many before them."""

BUCKET = timedelta(seconds=5)
NEW_ROWS_MAX = 500_000
"""New rows counted at once, in 0.2 s: those of a minute without a reader at 8,000 a second."""


@dataclass(frozen=True, slots=True)
class LiveRow(ListedTransaction):
    """A scored transaction of the stream."""

    fraud_flag: int
    scored_at: datetime
    arrival: int
    city: str | None = field(repr=False)
    customer: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class FlaggedShare:
    """How many of the latest transactions are flagged, and of as many before them."""

    scored: int
    flagged: int
    scored_before: int
    flagged_before: int


@dataclass(frozen=True, slots=True)
class NewRows:
    """Rows by the five seconds in which they were scored: `settled` will not change, `unsettled` may still grow.

    Each maps the beginning of a bucket to (scored, flagged). With `truncated` there were more rows than were counted.
    """

    settled: Mapping[datetime, tuple[int, int]]
    unsettled: Mapping[datetime, tuple[int, int]]
    truncated: bool


LATEST_ROWS = """
    select s.transaction_id, s.score, s.fraud_flag, s.scored_at, s.arrival,
           t.event_time, t.amount, t.category, t.merchant, t.state, t.city, t.customer
    from (select * from scores order by arrival desc limit %(limit)s) s
    left join transactions t using (transaction_id)
    order by s.arrival desc
"""

LATEST_FLAGGED_ROWS = LATEST_ROWS.replace("from scores order", "from scores where fraud_flag = 1 order")

SHARE = """
    select count(*) filter (where place <= %(of)s) as scored,
           count(*) filter (where place <= %(of)s and fraud_flag = 1) as flagged,
           count(*) filter (where place > %(of)s) as scored_before,
           count(*) filter (where place > %(of)s and fraud_flag = 1) as flagged_before
    from (
        select fraud_flag, row_number() over (order by arrival desc) as place
        from scores order by arrival desc limit 2 * %(of)s
    ) latest
"""

NEW_ROWS = """
    select date_bin(%(bucket)s, scored_at, timestamptz 'epoch') as bucket, arrival <= %(settled)s as settled,
           count(*), sum(fraud_flag)
    from (
        select scored_at, fraud_flag, arrival from scores where arrival > %(after)s
        order by arrival desc limit %(limit)s
    ) latest
    group by 1, 2
"""


def latest_rows(connection: Connection, limit: int = LATEST, *, flagged: bool = False) -> list[LiveRow]:
    """Return the transactions, or only the flagged ones, that arrived last, the latest first."""
    query = LATEST_FLAGGED_ROWS if flagged else LATEST_ROWS
    with connection.cursor(row_factory=class_row(LiveRow)) as cursor:
        return cursor.execute(query, {"limit": limit}).fetchall()


def flagged_share(connection: Connection, of: int = SHARE_OF) -> FlaggedShare:
    """Return how many of the latest `of` transactions are flagged, and of the `of` before them."""
    with connection.cursor(row_factory=class_row(FlaggedShare)) as cursor:
        return cursor.execute(SHARE, {"of": of}).fetchall()[0]


def new_rows(connection: Connection, after: int, settled: int, limit: int = NEW_ROWS_MAX) -> NewRows:
    """Count the rows with an arrival above `after`; those up to `settled` are settled."""
    # A row gets its arrival when it is written, but can be read only after the sink's database transaction: rows of two
    # sinks appear out of order. So what is new at one reading is counted again, this time for good, at the next.
    parameters = {"bucket": BUCKET, "after": after, "settled": settled, "limit": limit}
    with connection.cursor(row_factory=tuple_row) as cursor:
        found = cursor.execute(NEW_ROWS, parameters).fetchall()
    parts: dict[bool, dict[datetime, tuple[int, int]]] = {True: {}, False: {}}
    for bucket, is_settled, scored, flagged in found:
        parts[is_settled][bucket] = (scored, flagged)
    return NewRows(parts[True], parts[False], truncated=sum(row[2] for row in found) == limit)
