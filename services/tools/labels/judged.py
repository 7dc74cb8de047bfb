"""Reads the judged transactions from PostgreSQL, and finds where in Kafka their messages are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.common.database import session
from services.common.kafka.scan import Range
from services.common.reading.stored import TransactionRow
from services.tools.verdicts import OUTCOMES

STATEMENT_TIMEOUT_MS = 60_000

READ = f"""
    select o.fraud, t.transaction_id, t.event_time, t.amount, t.category, t.merchant, t.state, t.city, t.customer,
           t.src_partition, t.src_offset
    from ({OUTCOMES}) o left join transactions t using (transaction_id)
"""  # noqa: S608  # a constant of this project

Position = tuple[int, int]
"""(partition, offset) in the topic of transactions."""


@dataclass(frozen=True, slots=True)
class JudgedTransaction:
    """A transaction with a verdict.

    Attributes:
        fraud: the outcome by its last verdict.
        row: of the table `transactions`, which the sink made of its newest message.
    """

    fraud: bool
    row: TransactionRow

    @property
    def position(self) -> Position:
        """Where its newest message was written."""
        return self.row[-2], self.row[-1]


def read_judged() -> tuple[list[JudgedTransaction], int]:
    """Return the judged transactions, and how many others are no longer in the table `transactions`.

    Raises:
        Retry: the database is unavailable; Stop: it refuses.
    """
    with session("fraud-labels", statement_timeout=STATEMENT_TIMEOUT_MS) as connection:
        found = connection.execute(READ).fetchall()
    judged = [JudgedTransaction(one[0], one[1:]) for one in found if one[1] is not None]
    return judged, len(found) - len(judged)


def judged_ranges(judged: Iterable[JudgedTransaction], whole: Mapping[int, Range]) -> dict[int, Range]:
    """Return partition -> the range from its first judged transaction to its last, as far as the topic holds it.

    Args:
        judged: the transactions.
        whole: partition -> all offsets that there are.
    """
    offsets: dict[int, list[int]] = {}
    for partition, offset in (one.position for one in judged):
        if partition in whole and whole[partition].first <= offset < whole[partition].end:
            offsets.setdefault(partition, []).append(offset)
    return {partition: Range(min(found), max(found) + 1) for partition, found in offsets.items()}
