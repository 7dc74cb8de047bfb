"""Computes the effect of another threshold from the latest scores, the validation curve and the verdicts.

The latest scores tell how many alerts a day a threshold gives, and, as calibrated they are probabilities, how many
frauds are to be expected among them; the curve covers labelled transactions that the model did not see; the verdicts
show how many of the alerts so far were fraud, which says nothing about thresholds below the current one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from psycopg.rows import tuple_row

from services.common.calibration import probabilities
from services.common.intervals import Z95
from services.common.manifest import Calibration, Curve
from ui.database import Connection
from ui.review.verdicts import IS_LATEST, Precision, Verdict
from ui.shell.estimate import Estimate

LOWEST, HIGHEST = 0.001, 0.999999
"""The thresholds that can be chosen: below there is practically no fraud, and scores have six decimals. The index
scores_latest_high has the transactions from LOWEST on."""

LATEST = 10_000
"""Transactions with a score of at least LOWEST, and verdicts, that are counted: the latest."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a threshold does on a day: alerts, frauds among them and their share, amounts of frauds on both sides.

    `precision` is None without an alert, the amounts are where no transaction has one.
    """

    alerts: Estimate
    caught: Estimate
    precision: Estimate | None
    caught_amount: Estimate | None
    missed_amount: Estimate | None


@dataclass(frozen=True, slots=True)
class LatestScores:
    """The latest n transactions with a score of at least LOWEST.

    Attributes:
        scores: float64 [n].
        amounts: float64 [n]; NaN where it is missing.
        customers: a number a customer, int64 [n].
        days: days of event time on which they happened; 0 if no time is known.
    """

    scores: NDArray[np.float64]
    amounts: NDArray[np.float64]
    customers: NDArray[np.int64]
    days: int

    def threshold(self, alerts: float) -> float:
        """Return the lowest threshold that gives at most so many alerts a day; HIGHEST if equal scores are more."""
        descending = np.sort(self.scores)[::-1]
        most = int(alerts * self.days + 1e-6)
        if most >= len(descending):
            return LOWEST
        above = descending[descending > descending[most]]
        return min(float(above[-1]), HIGHEST) if len(above) else HIGHEST

    def effect(self, threshold: float, calibration: Calibration | None = None) -> Effect | None:
        """Return what a threshold would have done on these days; None if they are unknown.

        Frauds are expected ones: the sum of the probabilities.
        """
        if not self.days:
            return None
        shares = probabilities(self.scores, calibration)
        flags, amounts = self.scores >= threshold, np.nan_to_num(self.amounts)
        chance = shares * (1 - shares)  # the variance of a fraud that happens or does not
        values, spread, has_amounts = shares * amounts, chance * amounts**2, not np.isnan(self.amounts).all()
        return Effect(
            alerts=self._a_day(flags.astype(np.float64), np.zeros(len(flags))),
            caught=self._a_day(flags * shares, flags * chance),
            precision=self._precision(flags, shares, chance) if flags.any() else None,
            caught_amount=self._a_day(flags * values, flags * spread) if has_amounts else None,
            missed_amount=self._a_day(~flags * values, ~flags * spread) if has_amounts else None,
        )

    def _a_day(self, values: NDArray[np.float64], variances: NDArray[np.float64]) -> Estimate:
        value, error = float(values.sum()), self._error(values, variances)
        return Estimate(value / self.days, max(0.0, value - error) / self.days, (value + error) / self.days)

    def _precision(
        self, flags: NDArray[np.bool_], shares: NDArray[np.float64], chance: NDArray[np.float64]
    ) -> Estimate:
        share = float(shares[flags].mean())
        error = self._error(flags * (shares - share), flags * chance) / int(flags.sum())
        return Estimate(share, max(0.0, share - error), min(1.0, share + error))

    def _error(self, values: NDArray[np.float64], variances: NDArray[np.float64]) -> float:
        """Return half of a sum's 95 % interval.

        A customer's transactions come in bursts and are alike, so customers are what varies (A. C. Cameron and D. L.
        Miller, "A Practitioner's Guide to Cluster-Robust Inference", 2015).
        """
        sums = np.bincount(self.customers, values)
        return Z95 * sqrt(float((sums**2).sum() + variances.sum()))


@dataclass(frozen=True, slots=True)
class WhatIfData:
    """The latest scores, and for each alert with a verdict its score and whether it was fraud."""

    latest: LatestScores
    judged: Sequence[tuple[float, bool]]


def validated(curve: Curve, threshold: float) -> tuple[float, float] | None:
    """Return precision and recall of a threshold on the curve; None beyond its ends or where it flags nothing."""
    if not curve.thresholds[0] <= threshold <= curve.thresholds[-1]:
        return None
    place = min(range(len(curve.thresholds)), key=lambda place: abs(curve.thresholds[place] - threshold))
    alerts, caught = curve.alerts[place], curve.caught[place]
    return (caught / alerts, caught / curve.frauds) if alerts else None


def confirmed(judged: Sequence[tuple[float, bool]], threshold: float) -> Precision:
    """Return the precision of the judged alerts (score, fraud) that reach a threshold."""
    outcomes = [fraud for score, fraud in judged if score >= threshold]
    return Precision(sum(outcomes), len(outcomes))


LATEST_HIGH = f"""
    select s.score, t.amount, coalesce(t.customer, s.transaction_id), t.event_time::date
    from (
        select transaction_id, score from scores where score >= {LOWEST} order by arrival desc limit %s
    ) s left join lateral (
        select amount, customer, event_time from transactions where transaction_id = s.transaction_id limit 1
    ) t on true
"""  # noqa: S608  # a constant of ours: as a parameter it would hide from the planner that the index has these
"""The limit of 1 keeps the planner from reading all of `transactions` for a hash join."""


def read_data(connection: Connection, latest: int = LATEST) -> WhatIfData:
    """Return the latest scores and the latest verdicts."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(LATEST_HIGH, [latest]).fetchall()
        judged = cursor.execute(
            f"""
            select score, verdict = %s from verdicts v
            where verdict <> 'returned' and fraud_flag = 1 and {IS_LATEST} order by id desc limit %s
            """,  # noqa: S608  # a constant of ours
            [Verdict.FRAUD.value, latest],
        ).fetchall()
    scores, amounts, customers, dates = zip(*rows, strict=True) if rows else ((), (), (), ())
    numbers: dict[str, int] = {}
    codes = [numbers.setdefault(customer, len(numbers)) for customer in customers]
    days = len({date for date in dates if date is not None})
    return WhatIfData(
        LatestScores(np.array(scores, float), np.array(amounts, float), np.array(codes, np.int64), days), judged
    )
