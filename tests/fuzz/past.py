"""What each transaction sees of its customer's past, straight from the definition, and streams to try it on."""

import math
from bisect import insort
from collections import defaultdict
from dataclasses import dataclass, field
from operator import itemgetter
from random import Random

import numpy as np

from services.scorer.history.store import MOST_EVENTS
from tests.fuzz.product import HistoryEvent

DAY = 86_400
MONDAY = 1_546_819_200  # 2019-01-07 00:00
WINDOWS = (3_600, DAY, 3 * DAY)

_SECONDS, _AMOUNT, _NUMBER, _RISK = 1, 2, 3, 4


@dataclass
class _Customer:
    kept: list[HistoryEvent] = field(default_factory=list)
    """By event time; of the same time, by arrival."""
    forgotten: list[HistoryEvent] = field(default_factory=list)


class PlainPast:
    """All customers' transactions in lists, searched from end to end."""

    def __init__(self) -> None:
        self._customers: dict[int, _Customer] = defaultdict(_Customer)

    def observe(self, transaction: HistoryEvent) -> list[float] | None:
        """Take a transaction in and return what it sees, in the order of past_features(); None if it is too late."""
        customer = self._customers[transaction[0]]
        kept, forgotten = customer.kept, customer.forgotten
        is_new = (transaction[_SECONDS], transaction[_NUMBER]) not in [
            (event[_SECONDS], event[_NUMBER]) for event in kept
        ]
        is_late = forgotten and transaction[_SECONDS] < kept[0][_SECONDS]
        if is_new and not is_late and len(kept) == MOST_EVENTS:
            forgotten += kept[: MOST_EVENTS // 2]
            del kept[: MOST_EVENTS // 2]
        if forgotten and transaction[_SECONDS] < kept[0][_SECONDS]:
            return None
        if is_new:
            insort(kept, transaction, key=itemgetter(_SECONDS))
        return _seen(transaction, [event for event in kept if event[_SECONDS] < transaction[_SECONDS]], forgotten)


def _seen(transaction: HistoryEvent, earlier: list[HistoryEvent], forgotten: list[HistoryEvent]) -> list[float]:
    seconds, amount = transaction[_SECONDS], float(np.float32(transaction[_AMOUNT]))
    last = earlier[-1] if earlier else (0, math.nan, math.nan, 0, math.nan)
    row = [seconds - last[_SECONDS], last[_AMOUNT], last[_RISK]]
    for window in WINDOWS:
        inside = [event for event in earlier if event[_SECONDS] >= seconds - window]
        nights = [event for event in inside if not 4 * 3_600 <= event[_SECONDS] % DAY < 22 * 3_600]
        total = math.fsum(event[_AMOUNT] for event in inside)
        row += [len(inside), float(np.round(total, 2)), len(nights), math.fsum(event[_RISK] for event in inside)]
    past = forgotten + earlier
    total = math.fsum(event[_AMOUNT] for event in past)
    row.append(float(np.round(amount * len(past) / total, 4)) if past and total else math.nan)
    return [*row, len(past)]


def stream(random: Random, transactions: int) -> list[HistoryEvent]:
    """Return transactions of a few customers: out of order, at the same time, sent again, as odd as a contract allows.

    Amounts are multiples of 1/64 and risks of 1/4096, so that sums of them are exact.
    """
    pace = random.choice((60, 3_600, DAY))
    made: list[HistoryEvent] = []
    now = random.choice((0, 300_000, MONDAY, 4_102_444_799 - transactions * pace * 2))
    for number in range(transactions):
        if made and random.random() < 0.1:
            made.append(random.choice(made))
            continue
        now += random.choice((0, 1, pace // 2, pace))
        seconds = max(0, now - random.choice((0, 0, 0, pace, 10 * pace, DAY)))
        amount = random.choice((random.randint(1, 64_000) / 64, 0.0, -25.0, 1e6))
        made.append((random.randint(1, 4), seconds, amount, number, random.randint(0, 4096) / 4096))
    return made


def cut(random: Random, transactions: list[HistoryEvent]) -> list[list[HistoryEvent]]:
    """Return a stream in batches of any size, empty ones among them."""
    most, batches = random.choice((1, 3, 20, len(transactions))), []
    while transactions:
        size = random.randint(0, most)
        batches.append(transactions[:size])
        transactions = transactions[size:]
    return batches
