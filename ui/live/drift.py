"""Measures data drift: how far the latest transactions differ from those the model was trained on.

The measure is the population stability index (PSI): the sum over bins of (a - e) * ln(a / e), with the shares e
expected and a found. Below 0.1 counts as stable, above 0.25 as a shift (N. Siddiqi, "Credit Risk Scorecards", Wiley
2006, chapter 10; statistical properties: B. Yurdakul and J. Naranjo, Journal of Risk Model Validation 14(4), 2020).

Transactions depend on the hour, and the latest ones of a live stream are those of one hour. So the expected shares are
those of the hours that were found, weighted as they were found; hours themselves are compared only over whole days.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.common.manifest import Distribution, current_manifest
from ui.database import Connection, Database

LATEST = 10_000
"""Transactions that are measured: the latest."""

MINIMUM = 1_000
"""Fewer transactions are not measured: by chance alone, the scores of 500 without any drift have a PSI of 0.1."""

STABLE_BELOW, SHIFT_FROM = 0.1, 0.25
WHOLE_DAYS_SECONDS = 2 * 86_400
HOURS = 24

MEASURED = ("score", "amount", "category", "hour", "past")
"""The distributions that are measured, in the order shown; `past` is the length of the customer's history."""

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
        from (select transaction_id, score from scores order by arrival desc limit %(latest)s) as newest
        join transactions using (transaction_id)
        where event_time is not null and amount is not null
    ) as latest
"""
"""Event time in seconds and the bins of score, amount, category and past; past is null without a customer."""


@dataclass(frozen=True, slots=True)
class DriftReading:
    """The PSI by name of MEASURED, None where there is too little data; {} if the manifest has no distributions."""

    transactions: int
    psi: dict[str, float | None]


def current_distributions(manifest: Path) -> Mapping[str, Distribution] | None:
    """Return the distributions of the manifest as it is now, or None if it has none or cannot be read."""
    found = current_manifest(manifest)
    distributions = found.distributions if found else {}
    is_complete = distributions.keys() >= set(MEASURED) - {"hour"} and distributions["past"].edges
    return distributions if is_complete and all(map(_is_comparable, distributions.values())) else None


def _is_comparable(one: Distribution) -> bool:
    """Return whether there are counts of all hours, in one bin more than there are edges or values."""
    bins, bounds = {len(row) for row in one.counts}, len(one.values or one.edges)
    return len(one.counts) == HOURS and len(bins) == 1 and (not bounds or bins == {bounds + 1})


def read_drift(connection: Connection, distributions: Mapping[str, Distribution], latest: int = LATEST) -> DriftReading:
    """Measure the latest transactions in the mart."""
    bounds: dict[str, Any] = {name: list(one.values or one.edges) for name, one in distributions.items()}
    enough = int(max(distributions["past"].edges))
    rows = connection.execute(QUERY, bounds | {"enough": enough, "latest": latest}).fetchall()
    columns = np.array(rows, np.float64).reshape(-1, 5)
    return measure(columns, distributions)


def measure(columns: NDArray[np.float64], distributions: Mapping[str, Distribution]) -> DriftReading:
    """Return the drift of n transactions.

    Args:
        columns: event time in seconds and the bins of score, amount, category and past, float64 [n, 5]; NaN: unknown.
        distributions: name -> distribution in training.
    """
    seconds, hours = columns[:, 0], (columns[:, 0] % 86_400 // 3600).astype(np.int64)
    psi: dict[str, float | None] = dict.fromkeys(MEASURED)
    for name, bins in zip(("score", "amount", "category", "past"), columns.T[1:], strict=True):
        known = ~np.isnan(bins)
        trained = np.array(distributions[name].counts, np.float64)
        if known.sum() >= MINIMUM and trained.any():
            expected = expected_counts(trained, np.bincount(hours[known], minlength=HOURS))
            psi[name] = stability_index(expected, np.bincount(bins[known].astype(np.int64), minlength=len(expected)))
    if len(columns) >= MINIMUM and np.ptp(seconds) >= WHOLE_DAYS_SECONDS:
        trained = np.array(distributions["amount"].counts, np.float64)
        psi["hour"] = stability_index(trained.sum(1), np.bincount(hours, minlength=HOURS))
    return DriftReading(len(columns), psi)


def expected_counts(trained: NDArray[np.float64], hours: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the numbers that training data of these hours would have in each bin, float64 [bins].

    Args:
        trained: transactions of the training in each hour and bin, float64 [24, bins].
        hours: transactions found in each hour, int64 [24].
    """
    shares = trained / np.maximum(trained.sum(1, keepdims=True), 1)
    weights = hours / hours.sum()
    expected: NDArray[np.float64] = weights @ shares * trained.sum()
    return expected


def stability_index(expected: NDArray[np.float64], found: NDArray[np.int64]) -> float:
    """Return the PSI of counts in the same bins; 0.5 is added to each, so that no share is 0."""
    e, a = (expected + 0.5) / (expected + 0.5).sum(), (found + 0.5) / (found + 0.5).sum()
    return float(((a - e) * np.log(a / e)).sum())


def current_drift(mart: Database, manifest: Path) -> DriftReading | None:
    """Return the drift of the latest transactions, without any PSI if there is no reference; None in an outage."""
    distributions = current_distributions(manifest)
    if distributions is None:
        return DriftReading(0, {})
    return mart.ask(partial(read_drift, distributions=distributions))
