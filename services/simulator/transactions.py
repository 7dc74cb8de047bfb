"""Who pays what, where and when: the transactions of one day, as arrays.

Rules (those of the simulator that made the competition's data):

- A customer pays at a constant rate, changed by weekday and season. One draw decides category and half of the day: the
  first categories are paid a.m. The minute is uniform within the half. The shop is one of 50 within a degree of home.
- Amounts are Gamma; those under 1 are drawn again from U(1, 10).
- A customer's card is stolen for two whole dates once in two years. On these dates only the thief pays, mostly between
  22:00 and 03:59, and amounts scatter little.
"""

import datetime
from dataclasses import dataclass, fields

import numpy as np

from services.simulator.population import FRAUD_PERIOD_DAYS, SHOPS_A_CATEGORY, World
from services.simulator.profiles import (
    CATEGORIES,
    PROFILES,
    Floats,
    Ints,
    Spending,
    fraudulent_spending,
    legitimate_spending,
    weekday_factors,
)

DAY_MINUTES = 1_440
WINDOW_DAYS = 2
NIGHT_SHARE_AM = 0.87
"""Share of the frauds before noon that fall at 00:00-03:59."""
NIGHT_SHARE_PM = 0.835
"""Share of the frauds after noon that fall at 22:00-23:59."""

_LEGITIMATE, _FRAUDULENT = 1, 2


@dataclass(frozen=True)
class SimulatedTransactions:
    """Transactions in order of time, n of them; every array has shape (n,).

    Attributes:
        minute: of the day, 0 to 1439.
        customer, shop: indices into the world's customers and shops.
        amount: dollars, whole cents.
        merchant_lat, merchant_lon: degrees, six decimals.
        target: 1 for a fraud.
    """

    minute: Ints
    customer: Ints
    shop: Ints
    amount: Floats
    merchant_lat: Floats
    merchant_lon: Floats
    target: Ints

    def __len__(self) -> int:
        return len(self.minute)

    def take(self, which: Ints) -> "SimulatedTransactions":
        """Return the transactions at these places, in this order."""
        return SimulatedTransactions(*(getattr(self, field.name)[which] for field in fields(self)))


class TransactionGenerator:
    """Makes the transactions of a world, any day on its own: a day's draws depend on seed and date alone.

    Days are counted from 1 January of the year 1 (`date.toordinal`).
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self._legitimate = legitimate_spending()
        self._fraudulent = fraudulent_spending()
        self._weekdays = weekday_factors()
        self._fraud_counts = np.array([profile.frauds for profile in PROFILES])

    def day(self, day: int, hour: int | None = None) -> SimulatedTransactions:
        """Return a day's transactions, or only those of an hour (0 to 23), which are drawn for themselves."""
        honest = self._honest(day, hour)
        stolen = [self._window(first, day) for first in range(day - WINDOW_DAYS + 1, day + 1)]
        if hour is not None:
            stolen = [frauds.take(np.flatnonzero(frauds.minute // 60 == hour)) for frauds in stolen]
        together = _join([honest, *stolen])
        return together.take(np.argsort(together.minute, kind="stable"))

    def _honest(self, day: int, hour: int | None) -> SimulatedTransactions:
        """Return the customers' own transactions: none of those whose card is stolen on that date."""
        rng = self._rng(_LEGITIMATE, day, 0 if hour is None else hour + 1)
        customers = self.world.customers
        weekday = datetime.date.fromordinal(day).weekday()
        rate = customers.rate * self._weekdays[customers.profile, weekday] * season(datetime.date.fromordinal(day))
        rate[(day - customers.fraud_phase) % FRAUD_PERIOD_DAYS < WINDOW_DAYS] = 0.0
        am_share = self._legitimate.am_share[customers.profile]
        if hour is not None:
            rate *= (am_share if hour < 12 else 1 - am_share) / 12
        payer = np.repeat(np.arange(len(rate)), rng.poisson(rate))
        am_share = am_share[payer]
        draw = rng.random(len(payer))
        if hour is not None:
            draw = draw * am_share if hour < 12 else am_share + draw * (1 - am_share)
        within = rng.random(len(payer))
        if hour is None:
            minute = np.where(draw < am_share, 0, 720) + (within * 720).astype(np.int64)
        else:
            minute = hour * 60 + (within * 60).astype(np.int64)
        return self._pay(rng, self._legitimate, payer, draw, minute, target=0)

    def _window(self, first: int, day: int) -> SimulatedTransactions:
        """Return a day's share of the frauds in all windows that open on the day `first`."""
        rng = self._rng(_FRAUDULENT, first, 0)
        customers = self.world.customers
        victims = np.flatnonzero((first - customers.fraud_phase) % FRAUD_PERIOD_DAYS == 0)
        fewest, most = self._fraud_counts[customers.profile[victims]].T
        victim = np.repeat(victims, fewest + (rng.random(len(victims)) * (most - fewest + 1)).astype(np.int64))
        draw = rng.random(len(victim))
        is_am = draw < self._fraudulent.am_share[customers.profile[victim]]
        minute = _fraud_minutes(is_am, rng.random(len(victim)), rng.random(len(victim)))
        date = first + (rng.random(len(victim)) * WINDOW_DAYS).astype(np.int64)
        frauds = self._pay(rng, self._fraudulent, victim, draw, minute, target=1)
        return frauds.take(np.flatnonzero(date == day))

    def _pay(
        self, rng: np.random.Generator, spending: Spending, payer: Ints, draw: Floats, minute: Ints, target: int
    ) -> SimulatedTransactions:
        """Return transactions with shop, amount and place, given who pays when and a draw for the category."""
        customers, size = self.world.customers, len(payer)
        cell = spending.cells(customers.profile[payer], draw)
        shop = cell % len(CATEGORIES) * SHOPS_A_CATEGORY + (rng.random(size) * SHOPS_A_CATEGORY).astype(np.int64)
        amount = rng.standard_gamma(spending.shape[cell]) * spending.scale[cell]
        amount = np.where(amount < 1, 1 + 9 * rng.random(size), amount)
        lat = customers.lat[payer] + 2 * rng.random(size) - 1
        lon = customers.lon[payer] + 2 * rng.random(size) - 1
        return SimulatedTransactions(
            minute=minute,
            customer=payer,
            shop=shop,
            amount=np.round(amount, 2),
            merchant_lat=np.round(lat, 6),
            merchant_lon=np.round(lon, 6),
            target=np.full(size, target),
        )

    def _rng(self, *stream: int) -> np.random.Generator:
        return np.random.Generator(np.random.PCG64([self.world.seed, *stream]))


def season(date: datetime.date) -> float:
    """Return how much more is paid than usual: twice from November 30 to New Year, less in winter, more in summer."""
    when = (date.month, date.day)
    if when >= (11, 30):
        return 2.0
    if date.month <= 2:
        return 0.75
    return 1.25 if (5, 24) <= when <= (9, 1) else 1.0


def _fraud_minutes(is_am: np.ndarray[tuple[int], np.dtype[np.bool_]], kind: Floats, within: Floats) -> Ints:
    """Return minutes of the day, shape (n,): most at 00:00-03:59 and 22:00-23:59, from two draws in [0, 1)."""
    is_night = kind < np.where(is_am, NIGHT_SHARE_AM, NIGHT_SHARE_PM)
    first = np.select([is_am & is_night, is_am, is_night], [0, 4, 22], 12)
    hours = np.select([is_am & is_night, is_am, is_night], [4, 8, 2], 10)
    minutes: Ints = ((first + within * hours) * 60).astype(np.int64)
    return minutes


def _join(parts: list[SimulatedTransactions]) -> SimulatedTransactions:
    return SimulatedTransactions(
        *(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(SimulatedTransactions))
    )
