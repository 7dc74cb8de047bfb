"""Estimates what the model misses, from the verdicts on alerts and on the blind sample (ui/review/sample.py).

An estimate weights each judged transaction with the inverse of its probability (D. Horvitz and D. Thompson, Journal of
the American Statistical Association 47, 1952), relative to the weights of its stratum (J. Hájek, 1971). The intervals
take the effective size of a sample with weights, as E. Korn and B. Graubard do (Survey Methodology 24(2), 1998). A
stratum's lower limit is Clopper and Pearson's, its upper one that of Jeffreys, which is a third less where no fraud was
found (L. Brown, T. Cai and A. DasGupta, Statistical Science 16(2), 2001). Strata are added up by drawing from the
distributions whose quantiles these limits are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from psycopg.rows import class_row, tuple_row

from ui.database import Connection
from ui.review.sample import STRATA, WINDOW_DAYS
from ui.review.verdicts import IS_LATEST
from ui.shell.estimate import Estimate

DRAWS = 20_000
SEED = 20_261_201
"""The same verdicts give the same interval."""

LEVEL = 0.95

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class JudgedSample:
    """A drawn transaction with a verdict; `stratum` counts from 1, `amount` is None where it is not known."""

    stratum: int
    probability: float
    fraud: bool
    amount: float | None


@dataclass(frozen=True, slots=True)
class JudgedAlerts:
    """The alerts of the window: how many there are, how many have a verdict, and how many of these are frauds."""

    alerts: int
    judged: int
    frauds: int


@dataclass(frozen=True, slots=True)
class Missed:
    """What the model misses, of what arrived within the window.

    Attributes:
        recall: share of the frauds that were flagged, in [0, 1].
        frauds: frauds that were not flagged.
        amount: their amounts; None while none was found, or if amounts are not known.
        judged: transactions of the blind sample with a verdict.
    """

    recall: Estimate
    frauds: Estimate
    amount: Estimate | None
    judged: int


@dataclass(frozen=True, slots=True)
class Stratum:
    """A stratum: transactions, those judged, frauds among these; share of frauds by weight, effective sample size."""

    population: int
    judged: int
    frauds: int
    share: float
    effective: float


POPULATIONS = """
    select place, sum(population)::bigint from blind_draws, unnest(populations) with ordinality as p (population, place)
    where drawn_at > now() - make_interval(days => %s) group by place
"""

JUDGED = f"""
    select b.stratum, b.probability, v.verdict = 'fraud' as fraud, t.amount
    from blind_samples b
    join blind_draws d using (draw_id)
    join verdicts v using (transaction_id)
    left join transactions t using (transaction_id)
    where d.drawn_at > now() - make_interval(days => %s) and v.verdict <> 'returned' and {IS_LATEST}
"""  # noqa: S608  # a constant of ours

ALERTS = f"""
    with drawn as (
        select min(first_arrival) as first, max(last_arrival) as last, coalesce(sum(flagged), 0)::bigint as alerts
        from blind_draws where drawn_at > now() - make_interval(days => %s)
    )
    select alerts, count(v.verdict), count(*) filter (where v.verdict = 'fraud')
    from drawn
    left join (
        select v.verdict, s.arrival from verdicts v join scores s using (transaction_id)
        where s.fraud_flag = 1 and v.fraud_flag = 1 and v.verdict <> 'returned' and {IS_LATEST}
    ) v on v.arrival between drawn.first and drawn.last
    group by alerts
"""  # noqa: S608  # a constant of ours


def read_missed(connection: Connection, days: int = WINDOW_DAYS) -> Missed | None:
    """Return what the model misses by the draws of the last days; None before a drawn transaction has a verdict."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        populations = [0] * STRATA
        for place, population in cursor.execute(POPULATIONS, [days]).fetchall():
            populations[place - 1] = population
        (alerts,) = cursor.execute(ALERTS, [days]).fetchall()
    with connection.cursor(row_factory=class_row(JudgedSample)) as cursor:
        judged = cursor.execute(JUDGED, [days]).fetchall()
    return estimate(populations, judged, JudgedAlerts(*alerts)) if judged else None


def estimate(populations: Sequence[int], judged: Sequence[JudgedSample], alerts: JudgedAlerts) -> Missed:
    """Return what the model misses.

    Args:
        populations: transactions that were not flagged, by stratum.
        judged: the drawn ones with a verdict, at least one.
        alerts: those that were flagged.
    """
    random = np.random.default_rng(SEED)
    strata = [_stratum(*one) for one in merged(populations, judged)]
    share = alerts.frauds / max(1, alerts.judged)
    flagged = Stratum(alerts.alerts, alerts.judged, alerts.frauds, share, alerts.judged)
    missed, caught = _sum(strata, random), _sum([flagged], random)
    return Missed(
        recall=_interval(
            _share_of(caught.value, missed.value),
            _share_of(caught.low, missed.high),
            _share_of(caught.high, missed.low),
        ),
        frauds=_interval(*missed),
        amount=_amount(missed, judged, random),
        judged=len(judged),
    )


def merged(populations: Sequence[int], judged: Sequence[JudgedSample]) -> list[tuple[int, list[JudgedSample]]]:
    """Return the populations with their judged transactions; one without any is joined to a neighbour.

    The neighbour is the next one above, where frauds are more frequent: the estimate is then rather too high.
    """
    strata: list[tuple[int, list[JudgedSample]]] = []
    waiting = 0
    for place, population in enumerate(populations, 1):
        found = [one for one in judged if one.stratum == place]
        waiting += population
        if found:
            strata.append((waiting, found))
            waiting = 0
    if strata:
        last, found = strata[-1]
        strata[-1] = (last + waiting, found)
    return strata


def _stratum(population: int, judged: Sequence[JudgedSample]) -> Stratum:
    weights = np.array([1 / one.probability for one in judged])
    frauds = np.array([one.fraud for one in judged])
    effective = weights.sum() ** 2 / (weights**2).sum()
    share = (weights * frauds).sum() / weights.sum()
    return Stratum(population, len(judged), int(frauds.sum()), float(share), float(effective))


class Total(NamedTuple):
    """A number of frauds: its estimate, and draws for the lower and the upper limit, float64 [DRAWS]."""

    value: float
    low: Floats
    high: Floats


def _sum(strata: Iterable[Stratum], random: np.random.Generator) -> Total:
    """Return how many frauds some strata hold: those found, and a share of the rest."""
    value, low, high = 0.0, np.zeros(DRAWS), np.zeros(DRAWS)
    for one in strata:
        found, unjudged = one.share * one.effective, max(0, one.population - one.judged)
        value += one.population * one.share
        low += one.frauds + unjudged * _beta(found, one.effective - found + 1, random)
        high += one.frauds + unjudged * _beta(found + 0.5, one.effective - found + 0.5, random)
    return Total(value, low, high)


def _beta(a: float, b: float, random: np.random.Generator) -> Floats:
    """Return draws of the beta distribution, float64 [DRAWS]; where a parameter is 0, it is a point."""
    return random.beta(a, b, DRAWS) if a > 0 and b > 0 else np.full(DRAWS, float(a > 0))


def _share_of(caught: float | Floats, missed: float | Floats) -> Floats:
    return np.asarray(caught / np.maximum(caught + missed, 1e-9))  # 0 without any fraud


def _amount(missed: Total, judged: Sequence[JudgedSample], random: np.random.Generator) -> Estimate | None:
    """Return the amounts missed: the frauds missed times the mean amount of those that were found.

    The mean's draws are those of the Bayesian bootstrap (D. Rubin, Annals of Statistics 9(1), 1981).
    """
    found = [(one.amount, 1 / one.probability) for one in judged if one.fraud and one.amount is not None]
    if not found:
        return None
    amounts, weights = np.array(found).T
    parts = random.dirichlet(np.ones(len(found)), DRAWS) * weights
    means = parts @ amounts / parts.sum(axis=1)
    return _interval(missed.value * float(weights @ amounts / weights.sum()), missed.low * means, missed.high * means)


def _interval(value: float | Floats, low: Floats, high: Floats) -> Estimate:
    """Return an estimate with the limits that leave out the same share of draws on either side."""
    return Estimate(float(value), float(np.quantile(low, (1 - LEVEL) / 2)), float(np.quantile(high, (1 + LEVEL) / 2)))
