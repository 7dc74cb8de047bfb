"""Measures of scored transactions, with intervals. Knows nothing of folds and models.

Frauds of one customer come in bursts and are alike, so intervals are those of a cluster bootstrap: customers are
resampled with all their transactions (A. C. Davison and D. V. Hinkley, "Bootstrap Methods and their Application",
section 3.8), and the 2.5th and 97.5th percentile of the replicates are taken.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.common.errors import Stop
from services.common.intervals import wilson

SEED = 20_261_123
REPLICATES = 1_000
LIMITS = (0.025, 0.975)

FALSE_POSITIVE_RATES = (0.001, 0.01)
CARDS_A_DAY = 100
"""Customers an analyst calls in a day."""

ALERTS_A_DAY = 10
"""Transactions an analyst reads in a day: about four times the frauds of a held-out quarter of the customers."""

BINS = 10
"""Of the calibration."""

HUNDREDTHS = np.arange(1, 100) / 100


@dataclass(frozen=True, slots=True)
class Scored:
    """n transactions with their scores.

    Attributes:
        scores: float64 [n].
        frauds: bool [n].
        days: days since 1970-01-01, int64 [n].
        amounts: float64 [n].
        customers: a number a customer, uint32 [n].
    """

    scores: NDArray[np.float64]
    frauds: NDArray[np.bool_]
    days: NDArray[np.int64]
    amounts: NDArray[np.float64]
    customers: NDArray[np.uint32]

    def take(self, rows: NDArray[Any]) -> "Scored":
        """Return the chosen transactions, bool [n] or places."""
        return Scored(self.scores[rows], self.frauds[rows], self.days[rows], self.amounts[rows], self.customers[rows])


def require_frauds(scored: Scored) -> None:
    """Raise Stop if there is no fraud among the transactions."""
    if not scored.frauds.any():
        raise Stop("too few frauds to validate: none among the transactions to judge")


def measure(scored: Scored, threshold: float) -> dict[str, Any]:
    """Return the figures of scored transactions, at this threshold where they depend on one.

    Raises:
        Stop: there is no fraud among them.
    """
    require_frauds(scored)
    frauds, flags, best = scored.frauds, scored.scores >= threshold, best_threshold([scored])
    return {
        "rows": len(frauds),
        "frauds": int(frauds.sum()),
        **ranking(scored),
        "f1": _rounded(_f1(scored, threshold)),
        "precision": _rounded(float((frauds & flags).sum() / max(1, flags.sum()))),
        "recall": _rounded(float((frauds & flags).sum() / frauds.sum())),
        "best_f1": _rounded(_f1(scored, best)),
        "best_f1_threshold": best,
        f"cards_at_{CARDS_A_DAY}": card_precision(scored, CARDS_A_DAY),
        f"value_at_{ALERTS_A_DAY}": value_at(scored, ALERTS_A_DAY),
        "calibration": calibration_bins(scored),
    }


def best_threshold(situations: Iterable[Scored]) -> float:
    """Return the hundredth with the highest mean F1 of some situations, the lowest of equals."""
    curves = [[_f1(scored, threshold) for threshold in HUNDREDTHS] for scored in situations]
    return float(HUNDREDTHS[np.argmax(np.mean(curves, axis=0))])


def resampled(customers: NDArray[np.uint32]) -> Iterator[NDArray[np.int64]]:
    """Yield, for each replicate, how often each of the distinct customers, in ascending order, is drawn, int64 [c]."""
    size, random = len(np.unique(customers)), np.random.default_rng(SEED)
    for _ in range(REPLICATES):
        yield random.multinomial(size, np.full(size, 1 / size))


def interval(replicates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the limits of the 95 % interval of replicates, float64 [r, …] to [2, …]."""
    return np.quantile(replicates, LIMITS, axis=0)


def ranking(scored: Scored) -> dict[str, Any]:
    """Return how well the scores rank frauds first, each figure with its interval.

    Average precision and ROC-AUC are as scikit-learn defines them, which sorts once for each figure and replicate;
    recall at a false positive rate is the highest recall of a threshold that flags no larger share of the legitimate
    transactions.
    """
    order = np.argsort(-scored.scores, kind="stable")
    frauds, scores = scored.frauds[order], scored.scores[order]
    ends = np.flatnonzero(np.append(np.diff(scores) != 0, True))  # equal scores are flagged together
    places = np.unique(scored.customers, return_inverse=True)[1][order]
    found = _rates(np.ones(len(order)), frauds, ends)
    replicates = np.array([list(_rates(draws[places], frauds, ends).values()) for draws in resampled(scored.customers)])
    limits = interval(replicates[~np.isnan(replicates).any(axis=1)])
    figures: dict[str, Any] = {}
    for name, value, low, high in zip(found, found.values(), *limits, strict=True):
        figures |= {name: _rounded(value), f"{name}_interval": [_rounded(low), _rounded(high)]}
    return figures


def _rates(weights: NDArray[Any], frauds: NDArray[np.bool_], ends: NDArray[np.int64]) -> dict[str, float]:
    """Return the figures of a ranking, best first, in which each transaction counts as often as its weight says."""
    caught, flagged = np.cumsum(weights * frauds)[ends], np.cumsum(weights)[ends]
    false = flagged - caught
    with np.errstate(invalid="ignore"):  # a replicate without a fraud has no figures, one of the first place no weight
        recall, false_rate, precision = caught / caught[-1], false / false[-1], np.nan_to_num(caught / flagged)
    return {
        "average_precision": float(np.sum(np.diff(recall, prepend=0) * precision)),
        "roc_auc": float(np.trapezoid(np.append(0, recall), np.append(0, false_rate))),
        **{f"recall_at_fpr_{rate}": float(recall[false_rate <= rate].max(initial=0)) for rate in FALSE_POSITIVE_RATES},
    }


def card_precision(scored: Scored, k: int) -> dict[str, float | int]:
    """Return the mean share of compromised customers among the k of the highest scores of each day, and its limit.

    A customer whose fraud was found leaves the following days (card precision top-k of Y.-A. Le Borgne and others,
    "Reproducible Machine Learning for Credit Card Fraud Detection", section 4.4). There are fewer than k compromised
    customers a day, so the highest possible share is given too, and the share of compromised customers that are found.
    """
    found: set[int] = set()
    shares, limits = [], []
    for rows in _by_day(scored):
        day = scored.take(rows)
        day = day.take(~np.isin(day.customers, list(found)))
        customers = day.customers[np.argsort(-day.scores, kind="stable")]
        called = customers[np.sort(np.unique(customers, return_index=True)[1])][:k]
        compromised = set(day.customers[day.frauds].tolist())
        detected = compromised.intersection(called.tolist())
        shares.append(len(detected) / k)
        limits.append(min(k, len(compromised)) / k)
        found |= detected
    return {
        "card_precision": round(float(np.mean(shares)), 5),
        "highest_possible": round(float(np.mean(limits)), 5),
        "found": len(found),
        "compromised": len(np.unique(scored.customers[scored.frauds])),
    }


def value_at(scored: Scored, k: int) -> dict[str, Any]:
    """Return the amount of the frauds among the k highest scores of each day, its share, and that interval."""
    top = np.zeros(len(scored.scores), np.bool_)
    for rows in _by_day(scored):
        top[rows[np.argsort(-scored.scores[rows], kind="stable")[:k]]] = True
    values = scored.amounts * scored.frauds
    places = np.unique(scored.customers, return_inverse=True)[1]
    caught, all_frauds = np.bincount(places, values * top), np.bincount(places, values)
    draws = np.array(list(resampled(scored.customers)))
    drawn = draws @ all_frauds
    low, high = interval((draws @ caught)[drawn > 0] / drawn[drawn > 0])
    return {
        "caught_amount": round(float(caught.sum()), 2),
        "share": _rounded(float(caught.sum() / all_frauds.sum())),
        "share_interval": [_rounded(low), _rounded(high)],
    }


def calibration_bins(scored: Scored) -> dict[str, list[dict[str, Any]]]:
    """Return mean score and share of frauds in bins of the scores.

    `by_rank` are bins of as many transactions each, the usual deciles; nearly all frauds are in the last of them.
    So `by_score` are tenths of the scale from 0 to 1.
    """
    ranks = np.empty(len(scored.scores), np.int64)
    ranks[np.argsort(scored.scores, kind="stable")] = np.arange(len(ranks)) * BINS // len(ranks)
    tenths = np.minimum((scored.scores * BINS).astype(np.int64), BINS - 1)
    return {"by_rank": _bins(scored, ranks), "by_score": _bins(scored, tenths)}


def _bins(scored: Scored, bins: NDArray[np.int64]) -> list[dict[str, Any]]:
    rows = []
    for place in range(BINS):
        part = scored.take(bins == place)
        count, frauds = len(part.scores), int(part.frauds.sum())
        if not count:
            continue
        low, high = wilson(frauds, count)
        mean = float(part.scores.mean())
        rows.append(
            {
                "rows": count,
                "frauds": frauds,
                "from": float(f"{part.scores.min():.3g}"),
                "mean_score": float(f"{mean:.3g}"),
                "share": float(f"{frauds / count:.3g}"),
                "interval": [float(f"{low:.3g}"), float(f"{high:.3g}")],
                "within": bool(low <= mean <= high),
            }
        )
    return rows


def _by_day(scored: Scored) -> list[NDArray[np.int64]]:
    """Return the places of each day's transactions, the earliest day first."""
    order = np.argsort(scored.days, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(scored.days[order])) + 1)


def _f1(scored: Scored, threshold: float) -> float:
    flags = scored.scores >= threshold
    return float(2 * (scored.frauds & flags).sum() / max(1, scored.frauds.sum() + flags.sum()))


def _rounded(value: float) -> float:
    return round(float(value), 4)
