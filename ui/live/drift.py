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

from services.common.contract.model import Contract
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
"""What can be measured, in the order shown; `past` is the length of the customer's history. Measured is what both the
contract and the manifest's distributions have; hours themselves need no distribution of their own.
"""

BINS = {
    "score": "width_bucket(score, %(score)s::float8[])",
    "amount": "width_bucket(amount, %(amount)s::float8[])",
    "category": "coalesce(array_position(%(category)s::text[], category), cardinality(%(category)s::text[]) + 1) - 1",
    "past": """
        case when customer is not null then width_bucket((
            select count(*) from (
                select from transactions earlier
                where earlier.customer = latest.customer and earlier.event_time < latest.event_time
                limit %(enough)s
            ) as enough
        )::float8, %(past)s::float8[]) end
    """,
}
"""The bin of each measure as SQL; null where there is nothing to measure: no amount, no customer."""

QUERY = """
    select extract(epoch from event_time)::bigint, {bins}
    from (
        select score, event_time, amount, category, customer
        from (select transaction_id, score from scores order by arrival desc limit %(latest)s) as newest
        join transactions using (transaction_id)
        where event_time is not null or not %(timed)s
    ) as latest
"""


@dataclass(frozen=True, slots=True)
class Reference:
    """What the latest transactions are compared with.

    Attributes:
        distributions: name -> distribution in training, in the order of MEASURED.
        timed: whether the contract has an event time, so that hours can be told apart.
    """

    distributions: Mapping[str, Distribution]
    timed: bool

    @property
    def measures(self) -> tuple[str, ...]:
        """The names of what is measured, in the order shown."""
        return tuple(name for name in MEASURED if name in self.distributions or (name == "hour" and self.timed))


@dataclass(frozen=True, slots=True)
class DriftReading:
    """The PSI of each measure, None where there is too little data; {} if there is nothing to compare with."""

    transactions: int
    psi: dict[str, float | None]


def current_reference(manifest: Path, contract: Contract) -> Reference | None:
    """Return the distributions of the manifest as it is now, or None if it has none or cannot be read."""
    found, record = current_manifest(manifest), contract.record
    given = {"score": True, "past": record.key, "amount": contract.roles.amount, "category": contract.roles.category}
    distributions = {
        name: found.distributions[name]
        for name in MEASURED
        if found and given.get(name) and name in found.distributions
    }
    if not distributions or not all(_is_comparable(name, one) for name, one in distributions.items()):
        return None
    return Reference(distributions, timed=record.event_time is not None)


def _is_comparable(name: str, one: Distribution) -> bool:
    """Return whether there are counts of all hours, in one bin more than there are edges or values."""
    bins, bounds = {len(row) for row in one.counts}, len(one.values if name == "category" else one.edges)
    return len(one.counts) == HOURS and bins == {bounds + 1} and bounds > 0


def read_drift(connection: Connection, reference: Reference, latest: int = LATEST) -> DriftReading:
    """Measure the latest transactions in the mart."""
    distributions = reference.distributions
    bounds: dict[str, Any] = {name: list(one.values or one.edges) for name, one in distributions.items()}
    if "past" in distributions:
        bounds["enough"] = int(max(distributions["past"].edges))
    query = QUERY.format(bins=", ".join(BINS[name] for name in distributions))
    rows = connection.execute(query, bounds | {"latest": latest, "timed": reference.timed}).fetchall()
    return measure(np.array(rows, np.float64).reshape(-1, 1 + len(distributions)), reference)


def measure(columns: NDArray[np.float64], reference: Reference) -> DriftReading:
    """Return the drift of n transactions.

    Args:
        columns: event time in seconds and the bins of each distribution, float64 [n, 1 + distributions]; NaN: unknown.
        reference: what they are compared with.
    """
    seconds = columns[:, 0]
    hours = (seconds % 86_400 // 3600).astype(np.int64) if reference.timed else None
    psi: dict[str, float | None] = dict.fromkeys(reference.measures)
    for (name, distribution), bins in zip(reference.distributions.items(), columns.T[1:], strict=True):
        known = ~np.isnan(bins)
        trained = np.array(distribution.counts, np.float64)
        if known.sum() >= MINIMUM and trained.any():
            expected = (
                trained.sum(0)
                if hours is None
                else expected_counts(trained, np.bincount(hours[known], minlength=HOURS))
            )
            psi[name] = stability_index(expected, np.bincount(bins[known].astype(np.int64), minlength=len(expected)))
    if hours is not None and len(columns) >= MINIMUM and np.ptp(seconds) >= WHOLE_DAYS_SECONDS:
        trained = np.array(next(iter(reference.distributions.values())).counts, np.float64)
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


def current_drift(mart: Database, manifest: Path, contract: Contract) -> DriftReading | None:
    """Return the drift of the latest transactions, without any PSI if there is no reference; None in an outage."""
    reference = current_reference(manifest, contract)
    if reference is None:
        return DriftReading(0, {})
    return mart.ask(partial(read_drift, reference=reference))
