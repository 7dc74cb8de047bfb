"""Fits the calibration that the manifest keeps: a logistic regression on ln s and -ln(1 - s), neither weight negative.

That is M. Kull, T. Silva Filho and P. Flach, "Beta calibration: a well-founded and easily implemented improvement on
logistic calibration for binary classifiers", AISTATS 2017.
"""

from dataclasses import replace

import numpy as np
from measures import Scored
from sklearn.linear_model import LogisticRegression

from services.common.calibration import logarithms, probabilities
from services.common.manifest import Calibration

INVERSE_PENALTY = 1e6
"""So weak that it matters only where scores part frauds from the rest without error."""

DIGITS = 6


def fit(scored: Scored) -> Calibration | None:
    """Return the calibration of scored transactions; None if they are all frauds or none is, or scores say nothing."""
    if scored.frauds.all() or not scored.frauds.any():
        return None
    columns, kept = logarithms(scored.scores), [0, 1]
    while kept:
        found = LogisticRegression(C=INVERSE_PENALTY, solver="newton-cholesky").fit(columns[:, kept], scored.frauds)
        weights = dict(zip(kept, found.coef_[0].tolist(), strict=True))
        if min(weights.values()) >= 0:
            a, b = (round(weights.get(place, 0.0), DIGITS) for place in (0, 1))
            return Calibration(a=a, b=b, c=round(float(found.intercept_[0]), DIGITS))
        kept = [place for place in kept if weights[place] >= 0]
    return None


def calibrated_by_others(scored: Scored) -> Scored | None:
    """Return the transactions with probabilities for scores, by the calibration of the other half of the customers.

    None if either half has none: what was fitted to the same transactions would prove nothing.
    """
    odd = np.unique(scored.customers, return_inverse=True)[1] % 2 == 1
    found = np.empty(len(scored.scores))
    for half in (odd, ~odd):
        calibration = fit(scored.take(~half))
        if calibration is None:
            return None
        found[half] = probabilities(scored.scores[half], calibration)
    return replace(scored, scores=found)
