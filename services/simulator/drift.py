"""Transactions that drift away from those a model was trained on."""

from collections.abc import Collection
from dataclasses import replace
from enum import StrEnum

import numpy as np

from services.simulator.population import SHOPS_A_CATEGORY, World
from services.simulator.profiles import CATEGORIES
from services.simulator.transactions import DAY_MINUTES, SimulatedTransactions, TransactionGenerator

AMOUNT_FACTOR = 2.5
HOURS_LATER = 8
FASHION = "misc_net"


class DriftKind(StrEnum):
    """The kind of drift: prices rise, half of all customers pay in one category, everybody pays hours later."""

    AMOUNTS = "amounts"
    CATEGORIES = "categories"
    HOURS = "hours"


class DriftingSource(TransactionGenerator):
    """Makes the transactions of a world that has drifted; without a drift the usual ones."""

    def __init__(self, world: World, drifts: Collection[DriftKind] = ()) -> None:
        super().__init__(world)
        self._drifts = drifts

    def day(self, day: int, hour: int | None = None) -> SimulatedTransactions:
        """Return a day's transactions, or only those of an hour (0 to 23), in order of time."""
        later = HOURS_LATER if DriftKind.HOURS in self._drifts else 0
        transactions = super().day(day, None if hour is None else (hour - later) % 24)
        if later:
            transactions = _later(transactions, later * 60)
        if DriftKind.AMOUNTS in self._drifts:
            transactions = replace(transactions, amount=np.round(transactions.amount * AMOUNT_FACTOR, 2))
        if DriftKind.CATEGORIES in self._drifts:
            shop = CATEGORIES.index(FASHION) * SHOPS_A_CATEGORY + transactions.shop % SHOPS_A_CATEGORY
            transactions = replace(transactions, shop=np.where(transactions.customer % 2 == 1, shop, transactions.shop))
        return transactions


def _later(transactions: SimulatedTransactions, minutes: int) -> SimulatedTransactions:
    """Return the transactions moved by some minutes, those past midnight on the same date, in order of time."""
    moved = replace(transactions, minute=(transactions.minute + minutes) % DAY_MINUTES)
    return moved.take(np.argsort(moved.minute, kind="stable"))
