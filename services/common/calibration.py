"""Turns scores into probabilities of fraud, for figures; flags and published scores do not use it."""

import numpy as np
from numpy.typing import NDArray

from services.common.manifest import Calibration

_LEAST = 1e-9
"""Scores this near to 0 or 1 are taken for that near: both ends of the scale have no logarithm."""


def logarithms(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ln s and -ln(1 - s) of each score, float64 [n, 2]: what a calibration weighs."""
    inside = np.clip(scores, _LEAST, 1 - _LEAST)
    return np.stack([np.log(inside), -np.log1p(-inside)], axis=1)


def probabilities(scores: NDArray[np.float64], calibration: Calibration | None) -> NDArray[np.float64]:
    """Return the probability of fraud of each score, float64 [n]; without a calibration it is the score."""
    if calibration is None:
        return scores
    odds = logarithms(scores) @ np.array([calibration.a, calibration.b]) + calibration.c
    return np.asarray(1 / (1 + np.exp(-odds)))
