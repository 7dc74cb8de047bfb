"""Transactions that a model has no score for: finds them, and leaves them out. Knows no Kafka client."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from services.common.errors import Reason, Reject
from services.scorer.decode import Columns, Rejects
from services.scorer.inference import ModelFailed
from services.scorer.score import Model

Answer = TypeVar("Answer")

Features = NDArray[np.float32]
"""A model's input, [n, k]."""


def score_carefully(model: Model, features: Features) -> NDArray[np.float64]:
    """Return the scores, float64 [n], NaN where the model gives no probability, or fails."""
    return np.array(ask_carefully(lambda rows: model.score(rows).tolist(), features, np.nan), np.float64)


def ask_carefully(ask: Callable[[Features], Sequence[Answer]], features: Features, otherwise: Answer) -> list[Answer]:
    """Return the model's answer to each row; where it fails it is asked by halves, down to the rows at fault.

    Args:
        ask: may raise ModelFailed; else an answer a row.
        features: float32 [n, k].
        otherwise: the answer to a row at fault.
    """
    try:
        return list(ask(features))
    except ModelFailed:
        if len(features) == 1:
            return [otherwise]
    middle = len(features) // 2
    return [a for half in (features[:middle], features[middle:]) for a in ask_carefully(ask, half, otherwise)]


def leave_out(columns: Columns, scores: NDArray[np.float64], model: Model) -> tuple[Columns, NDArray[np.intp], Rejects]:
    """Return the transactions that have a score, which those are (places, int [m]), and the others as rejects."""
    has_score = np.isfinite(scores)
    reject = Reject(Reason.NO_SCORE, "", f"the model {model.manifest.version} gives no finite probability")
    kept = np.flatnonzero(has_score)
    return columns.take(kept), kept, dict.fromkeys(columns.rows[~has_score].tolist(), reject)
