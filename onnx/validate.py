"""How good a way of training is, on payments it did not see. Knows folds and figures, nothing of the learner.

Three questions, each answered by a model a fold, scores of all folds pooled:
    unseen customers       how good is it for a bank that has none of our customers?
    later                  the same, and the payments are also later than all that was trained on
    known customers        how good does it look when rows are split at random, as in the competition?
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from dataset import Labelled
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from services.common.errors import Stop
from services.scorer.clock import SECONDS_A_DAY

FOLDS = 5
LATE_SHARE = 0.25
ALERTS_A_DAY = 10
SEED = 20_261_123

_THRESHOLDS = np.arange(1, 100) / 100


Learner = Callable[[NDArray[np.float32], NDArray[np.bool_], NDArray[np.float32]], NDArray[np.float64]]
"""Trains on features, float32 [n, k], and frauds, bool [n]; returns the scores of other features, float64 [m]."""


def validate(data: Labelled, learner: Learner) -> tuple[float, dict[str, Any]]:
    """Return the threshold to ship and the figures that hold at it.

    The threshold is the best of the hundredths for the pooled scores of unseen customers, and is used everywhere.

    Raises:
        Stop: too few customers or frauds to judge by.
    """
    everything = np.ones(len(data), np.bool_)
    by_customer = (data.customers % FOLDS).astype(np.int64)
    by_row = np.random.default_rng(SEED).integers(0, FOLDS, len(data))
    late = data.seconds >= np.quantile(data.seconds, 1 - LATE_SHARE)

    unseen = held_out_scores(data, learner, by_customer, train_on=everything, judge_on=everything)
    later = held_out_scores(data, learner, by_customer, train_on=~late, judge_on=late)
    known = held_out_scores(data, learner, by_row, train_on=everything, judge_on=everything)

    threshold = best_threshold(data.frauds, unseen)
    others = _flags_by_thresholds_of_other_folds(data.frauds, unseen, by_customer)
    return threshold, {
        "unseen_customers": {
            "how": f"customers in {FOLDS} folds by hash; each fold scored by a model of the other folds' customers",
            **judge(data, unseen, everything, threshold),
            "f1_threshold_from_other_folds": _rounded(_f1(data.frauds, others)),
        },
        "unseen_customers_later": {
            "how": f"as above, trained on the first {1 - LATE_SHARE:.0%} of the payments in time, judged on the rest",
            **judge(data, later, late, threshold),
        },
        "known_customers": {
            "how": f"rows in {FOLDS} folds at random: other payments of the same customers and days are trained on",
            **judge(data, known, everything, threshold),
        },
    }


def held_out_scores(
    data: Labelled,
    learner: Learner,
    folds: NDArray[np.int64],
    train_on: NDArray[np.bool_],
    judge_on: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Return the scores of the rows to judge, float64 [n], each by a model that did not see its fold; NaN elsewhere.

    Raises:
        Stop: a fold leaves no frauds to train on.
    """
    scores = np.full(len(data), np.nan)
    for fold in range(FOLDS):
        train, held_out = train_on & (folds != fold), judge_on & (folds == fold)
        if not data.frauds[train].any():
            raise Stop("too few frauds or customers to validate: a fold would be trained on none")
        if held_out.any():
            scores[held_out] = learner(data.features[train], data.frauds[train], data.features[held_out])
    return scores


def judge(
    data: Labelled, scores: NDArray[np.float64], judged: NDArray[np.bool_], threshold: float
) -> dict[str, float | int]:
    """Return the figures of the judged rows.

    Raises:
        Stop: there is no fraud among them.
    """
    frauds, scores, days = data.frauds[judged], scores[judged], data.seconds[judged] // SECONDS_A_DAY
    if not frauds.any():
        raise Stop("too few frauds to validate: none among the rows to judge")
    flags = scores >= threshold
    best = best_threshold(frauds, scores)
    return {
        "rows": len(frauds),
        "frauds": int(frauds.sum()),
        "average_precision": _rounded(float(average_precision_score(frauds, scores))),
        "f1": _rounded(_f1(frauds, flags)),
        "precision": _rounded(float((frauds & flags).sum() / max(1, flags.sum()))),
        "recall": _rounded(float((frauds & flags).sum() / frauds.sum())),
        "best_f1": _rounded(_f1(frauds, scores >= best)),
        "best_f1_threshold": best,
        f"precision_of_top_{ALERTS_A_DAY}_a_day": _rounded(_top_precision(frauds, scores, days)),
    }


def best_threshold(frauds: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """Return the hundredth with the highest F1, the lowest of equals."""
    return float(max(_THRESHOLDS, key=lambda threshold: _f1(frauds, scores >= threshold)))


def _flags_by_thresholds_of_other_folds(
    frauds: NDArray[np.bool_], scores: NDArray[np.float64], folds: NDArray[np.int64]
) -> NDArray[np.bool_]:
    flags = np.zeros(len(frauds), np.bool_)
    for fold in range(FOLDS):
        held_out = folds == fold
        flags[held_out] = scores[held_out] >= best_threshold(frauds[~held_out], scores[~held_out])
    return flags


def _f1(frauds: NDArray[np.bool_], flags: NDArray[np.bool_]) -> float:
    return float(2 * (frauds & flags).sum() / max(1, frauds.sum() + flags.sum()))


def _top_precision(frauds: NDArray[np.bool_], scores: NDArray[np.float64], days: NDArray[np.int64]) -> float:
    """Return the share of frauds among the highest scores of each day."""
    order = np.lexsort((-scores, days))
    _, starts, counts = np.unique(days[order], return_index=True, return_counts=True)
    places = np.arange(len(order)) - np.repeat(starts, counts)
    return float(frauds[order][places < ALERTS_A_DAY].mean())


def _rounded(value: float) -> float:
    return round(value, 4)
