"""How good a way of training is, on transactions it did not see. Knows folds, nothing of the learner.

What a customer's past is worth depends on how much of it the scorer has seen, so the same transactions are judged in
several situations, all of them at one threshold: that of the artifact.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from calibrate import calibrated_by_others, fit
from dataset import Labelled
from measures import HUNDREDTHS, SEED, Scored, best_threshold, calibration_bins, measure, require_frauds
from numpy.typing import NDArray

from services.common.errors import Stop
from services.common.manifest import Calibration
from services.scorer.event_time import SECONDS_A_DAY
from services.scorer.features import FeaturePlan

FOLDS = 4
JUDGED_FOLDS = 1
"""Folds that are held out and judged, one after another."""

LATE_SHARE = 0.25

SITUATIONS = {
    "unseen_customers": f"customers in {FOLDS} folds by hash, {JUDGED_FOLDS} held out: all their transactions in order "
    "of time, by a model of the other customers",
    "unseen_customers_later": f"as above, trained on the first {1 - LATE_SHARE:.0%} of the transactions in time, "
    "judged on the rest",
    "unseen_customers_no_history": "the same transactions as in unseen_customers, each without a past",
    "known_after_all_others": f"transactions in {FOLDS} folds at random, {JUDGED_FOLDS} held out: by a model of the "
    "other transactions, with all earlier transactions of the file as past",
    "known_alone": "as above, with the earlier held-out transactions alone as past",
    "known_no_history": "as above, each transaction without a past, as when it is not known who pays",
    "known_first_payment": "as above, each transaction as the first of its customer",
}
"""Where figures come from: what is judged, and by which model."""

CURVE_OF = "unseen_customers"
"""The situation whose curve the page shows: the strictest with a past."""


@dataclass(frozen=True, slots=True)
class Scorer:
    """What was learned: `plan` makes the features, also of what transactions see of each other; `score` float64 [n]."""

    plan: FeaturePlan
    score: Callable[[Labelled], NDArray[np.float64]]


Learner = Callable[[Labelled], Scorer]
"""Trains on transactions."""


@dataclass(frozen=True, slots=True)
class Validated:
    """What validation found.

    Attributes:
        threshold: to ship: the hundredth with the best mean of the situations' F1.
        figures: that hold at it, by situation.
        curve: of thresholds.
        calibration: of the scores; both are of CURVE_OF.
    """

    threshold: float
    figures: dict[str, Any]
    curve: dict[str, Any]
    calibration: Calibration | None


def validate(data: Labelled, learner: Learner) -> Validated:
    """Judge a way of training.

    Raises:
        Stop: too few customers or frauds to judge by.
    """
    rounds = [
        scored
        for fold in range(JUDGED_FOLDS)
        for scored in (
            _unseen_customers(data, learner, fold),
            _unseen_customers_later(data, learner, fold),
            _known_customers(data, learner, fold),
        )
    ]
    pooled = {name: _pool(scored[name] for scored in rounds if name in scored) for name in SITUATIONS}
    threshold = best_threshold(pooled.values())
    figures = {name: {"how": how} | measure(pooled[name], threshold) for name, how in SITUATIONS.items()}
    calibrated = calibrated_by_others(pooled[CURVE_OF])
    figures[CURVE_OF]["calibrated"] = calibration_bins(calibrated) if calibrated else None
    return Validated(threshold, figures, curve(pooled[CURVE_OF]), fit(pooled[CURVE_OF]))


def validate_curve(data: Labelled, learner: Learner) -> dict[str, Any]:
    """Return the curve of thresholds alone: one model instead of all.

    Raises:
        Stop: too few customers or frauds to judge by.
    """
    return curve(_pool(_unseen_customers(data, learner, fold)[CURVE_OF] for fold in range(JUDGED_FOLDS)))


def _unseen_customers(data: Labelled, learner: Learner, fold: int) -> dict[str, Scored]:
    held_out = data.customers % FOLDS == fold
    scorer = _learn(learner, data.take(~held_out))
    transactions = data.take(held_out)
    return {
        "unseen_customers": _score(scorer, transactions.in_stream(scorer.plan)),
        "unseen_customers_no_history": _score(scorer, transactions),
    }


def _unseen_customers_later(data: Labelled, learner: Learner, fold: int) -> dict[str, Scored]:
    held_out = data.customers % FOLDS == fold
    late = data.columns.seconds >= np.quantile(data.columns.seconds, 1 - LATE_SHARE)
    scorer = _learn(learner, data.take(~held_out & ~late))
    return {"unseen_customers_later": _score(scorer, data.in_stream(scorer.plan).take(held_out & late))}


def _known_customers(data: Labelled, learner: Learner, fold: int) -> dict[str, Scored]:
    held_out = np.random.default_rng(SEED).integers(0, FOLDS, len(data)) == fold
    scorer = _learn(learner, data.take(~held_out))
    transactions = data.take(held_out)
    return {
        "known_after_all_others": _score(scorer, data.in_stream(scorer.plan).take(held_out)),
        "known_alone": _score(scorer, transactions.in_stream(scorer.plan)),
        "known_no_history": _score(scorer, transactions),
        "known_first_payment": _score(scorer, transactions.as_first_ones(scorer.plan)),
    }


def _learn(learner: Learner, data: Labelled) -> Scorer:
    if not data.frauds.any():
        raise Stop("too few frauds or customers to validate: a fold would be trained on none")
    return learner(data)


def _score(scorer: Scorer, data: Labelled) -> Scored:
    days = data.columns.seconds // SECONDS_A_DAY
    return Scored(scorer.score(data), data.frauds, days, data.columns.numbers["amount"], data.customers)


def _pool(scored: Iterable[Scored]) -> Scored:
    columns = ((one.scores, one.frauds, one.days, one.amounts, one.customers) for one in scored)
    return Scored(*map(np.concatenate, zip(*columns, strict=True)))


def curve(scored: Scored) -> dict[str, Any]:
    """Return what each hundredth would do as the threshold: alerts, and frauds among them.

    Raises:
        Stop: there is no fraud among the transactions.
    """
    require_frauds(scored)
    frauds, flags = scored.frauds, scored.scores >= HUNDREDTHS[:, None]
    return {
        "situation": CURVE_OF,
        "payments": len(frauds),
        "frauds": int(frauds.sum()),
        "thresholds": HUNDREDTHS.tolist(),
        "alerts": flags.sum(1).tolist(),
        "caught": flags[:, frauds].sum(1).tolist(),
    }
