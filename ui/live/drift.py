"""How far the latest payments have moved away from those the model learned from. Knows the mart and the manifest.

The measure is the population stability index (PSI): the sum over bins of (a - e) * ln(a / e), with the shares e
expected and a found. Below 0.1 counts as stable, above 0.25 as a shift (N. Siddiqi, "Credit Risk Scorecards", Wiley
2006, chapter 10; statistical properties: B. Yurdakul and J. Naranjo, Journal of Risk Model Validation 14(4), 2020).

What is paid depends on the hour: the latest payments of a live stream are those of one hour. So the expected shares are
those of the hours that were found, weighted as they were found; hours themselves are compared over whole days alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.common.manifest import current_manifest
from ui.database import Connection, Database

LOOKED_AT = 10_000
"""Payments that are looked at: the latest."""

LEAST = 1_000
"""Fewer say nothing: by chance alone the scores of 500 payments without a drift come to a PSI of 0.1."""

STABLE_BELOW, SHIFT_FROM = 0.1, 0.25
WHOLE_DAYS_SECONDS = 2 * 86_400
HOURS = 24

MEASURED = ("score", "amount", "category", "hour", "past")
"""What is measured, in the order of showing; `past` is how many earlier payments of the customer are known."""

QUERY = """
    select extract(epoch from event_time)::bigint, width_bucket(score, %(score)s::float8[]),
           width_bucket(amount, %(amount)s::float8[]),
           coalesce(array_position(%(category)s::text[], category), cardinality(%(category)s::text[]) + 1) - 1,
           case when customer is not null then width_bucket((
               select count(*) from (
                   select from transactions earlier
                   where earlier.customer = latest.customer and earlier.event_time < latest.event_time
                   limit %(enough)s
               ) as enough
           )::float8, %(past)s::float8[]) end
    from (
        select score, event_time, amount, category, customer
        from (select transaction_id, score from scores order by arrival desc limit %(looked_at)s) as newest
        join transactions using (transaction_id)
        where event_time is not null and amount is not null
    ) as latest
"""
"""Event time in seconds and the bins of score, amount, category and past; past is null if it is not known who pays."""


@dataclass(frozen=True, slots=True)
class WindowDistribution:
    """How something was distributed in training: edges of the bins or values, counts of payments [24][bins]."""

    edges: tuple[float, ...]
    values: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        bins = {len(row) for row in self.counts}
        bounds = len(self.values or self.edges)
        if len(self.counts) != HOURS or len(bins) != 1 or (bounds and bins != {bounds + 1}):
            raise ValueError(f"expected counts of {HOURS} hours in one bin more than there are edges or values")


@dataclass(frozen=True, slots=True)
class DriftReading:
    """What was measured over so many payments: name of MEASURED -> PSI, None where it cannot be told."""

    payments: int
    psi: dict[str, float | None]


def current_distributions(manifest: Path) -> dict[str, WindowDistribution] | None:
    """Return the distributions of the manifest as it is now, or None if it has none or cannot be read."""
    found = current_manifest(manifest)
    try:
        distributions = {
            name: WindowDistribution(one.edges, one.values, one.counts)
            for name, one in (found.distributions if found else {}).items()
        }
    except ValueError:
        return None
    is_whole = distributions.keys() >= set(MEASURED) - {"hour"} and distributions["past"].edges
    return distributions if is_whole else None


def read(
    connection: Connection, distributions: Mapping[str, WindowDistribution], looked_at: int = LOOKED_AT
) -> DriftReading:
    """Measure the latest payments in the mart."""
    bounds: dict[str, Any] = {name: list(one.values or one.edges) for name, one in distributions.items()}
    enough = int(max(distributions["past"].edges))
    rows = connection.execute(QUERY, bounds | {"enough": enough, "looked_at": looked_at}).fetchall()
    columns = np.array(rows, np.float64).reshape(-1, 5)
    return measure(columns, distributions)


def measure(columns: NDArray[np.float64], distributions: Mapping[str, WindowDistribution]) -> DriftReading:
    """Return the drift of n payments.

    Args:
        columns: event time in seconds and the bins of score, amount, category and past, float64 [n, 5]; NaN: not known.
        distributions: name -> how it was distributed in training.
    """
    seconds, hours = columns[:, 0], (columns[:, 0] % 86_400 // 3600).astype(np.int64)
    psi: dict[str, float | None] = dict.fromkeys(MEASURED)
    for name, bins in zip(("score", "amount", "category", "past"), columns.T[1:], strict=True):
        known = ~np.isnan(bins)
        trained = np.array(distributions[name].counts, np.float64)
        if known.sum() >= LEAST and trained.any():
            expected = expected_counts(trained, np.bincount(hours[known], minlength=HOURS))
            psi[name] = stability_index(expected, np.bincount(bins[known].astype(np.int64), minlength=len(expected)))
    if len(columns) >= LEAST and np.ptp(seconds) >= WHOLE_DAYS_SECONDS:
        trained = np.array(distributions["amount"].counts, np.float64)
        psi["hour"] = stability_index(trained.sum(1), np.bincount(hours, minlength=HOURS))
    return DriftReading(len(columns), psi)


def expected_counts(trained: NDArray[np.float64], hours: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what the training would have had in each bin at these hours, float64 [bins].

    Args:
        trained: payments of the training in each hour and bin, float64 [24, bins].
        hours: payments found in each hour, int64 [24].
    """
    shares = trained / np.maximum(trained.sum(1, keepdims=True), 1)
    weights = hours / hours.sum()
    expected: NDArray[np.float64] = weights @ shares * trained.sum()
    return expected


def stability_index(expected: NDArray[np.float64], found: NDArray[np.int64]) -> float:
    """Return the PSI of counts in the same bins; half a payment is added to each, so that no share is 0."""
    e, a = (expected + 0.5) / (expected + 0.5).sum(), (found + 0.5) / (found + 0.5).sum()
    return float(((a - e) * np.log(a / e)).sum())


def read_once(mart: Database, manifest: Path) -> DriftReading | None:
    """Return what is measured now, without a PSI if there is nothing to compare with; None if the mart is away."""
    distributions = current_distributions(manifest)
    if distributions is None:
        return DriftReading(0, {})
    return mart.ask(partial(read, distributions=distributions))
