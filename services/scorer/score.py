"""The model: features of transactions to scores, by ONNX Runtime on the CPU."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from services.common.errors import Reason, Reject, Stop
from services.common.manifest import Manifest
from services.scorer.decode import Columns, Decoder, Rejects
from services.scorer.features import FeaturePlan, Features
from services.scorer.models.session import OnnxSession

SCORE_DECIMALS = 6

ROUNDING = 1e-5
"""A float32 sum or softmax may be this far outside [0, 1] and still be a probability."""

Answer = TypeVar("Answer")


class ModelFailed(Stop):
    """A model raised an error, or returned something other than a number a row."""


@dataclass(frozen=True, slots=True)
class Model:
    """A checked model, ready to score (services.scorer.models.load)."""

    manifest: Manifest
    plan: FeaturePlan
    session: OnnxSession
    decoder: Decoder

    def features(self, columns: Columns) -> Features:
        """Return the model's input, [n, k]."""
        return self.plan.to_features(columns, self.session.dtype)

    def score(self, features: Features) -> NDArray[np.float64]:
        """Return the probability of fraud of each row, float64 [n] in [0, 1]; NaN where the model gives none.

        Rounded to 6 decimals: the flag is taken from the value that is published, so that every reader of a score who
        compares it with the threshold gets the same flag.

        Raises:
            ModelFailed: see there.
        """
        return np.round(probabilities(self.session, features), SCORE_DECIMALS)

    def flag(self, scores: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which scores are flagged as fraud, bool [n]."""
        return scores >= self.manifest.threshold


def probabilities(session: OnnxSession, features: Features, *, all_trees: bool = False) -> NDArray[np.float64]:
    """Return the probability of fraud of each row, float64 [n] in [0, 1], NaN where the model gives none.

    Arguments and errors as of raw_answers().
    """
    found = raw_answers(session, features, all_trees=all_trees)
    if not (valid := is_probability(found)).all():
        found[~valid] = np.nan
    return np.clip(found, 0.0, 1.0)


def raw_answers(session: OnnxSession, features: Features, *, all_trees: bool = False) -> NDArray[np.float64]:
    """Return the model's answer for the positive class of each row, float64 [n], unchecked.

    Args:
        session: of the model.
        features: its input, [n, k].
        all_trees: evaluate all trees, also of a model that stops early where a transaction is settled.

    Raises:
        ModelFailed: see there.
    """
    size = session.chunk_rows
    chunks = [
        _ask(session, features[start : start + size], all_trees=all_trees) for start in range(0, len(features), size)
    ]
    return np.concatenate(chunks).astype(np.float64) if chunks else np.empty(0)


def is_probability(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which values are finite and in [0, 1], apart from rounding, bool [n]."""
    return (values >= -ROUNDING) & (values <= 1 + ROUNDING)


def ask_bisecting(ask: Callable[[Features], Sequence[Answer]], features: Features, default: Answer) -> list[Answer]:
    """Return the model's answer to each row; where it fails it is asked by halves, down to the rows at fault.

    Args:
        ask: returns an answer a row; may raise ModelFailed.
        features: [n, k].
        default: the answer to a row at fault.
    """
    try:
        return list(ask(features))
    except ModelFailed:
        if len(features) == 1:
            return [default]
    middle = len(features) // 2
    return [a for half in (features[:middle], features[middle:]) for a in ask_bisecting(ask, half, default)]


def score_bisecting(model: Model, features: Features) -> NDArray[np.float64]:
    """Return the scores, float64 [n], NaN where the model gives no probability, or fails."""
    return np.array(ask_bisecting(lambda rows: model.score(rows).tolist(), features, np.nan), np.float64)


def reject_unscored(
    columns: Columns, scores: NDArray[np.float64], model: Model
) -> tuple[Columns, NDArray[np.intp], Rejects]:
    """Return the transactions that have a score, their places, int [m], and the others as rejects."""
    has_score = np.isfinite(scores)
    reject = Reject(Reason.NO_SCORE, "", f"the model {model.manifest.version} gives no finite probability")
    scored = np.flatnonzero(has_score)
    return columns.take(scored), scored, dict.fromkeys(columns.rows[~has_score].tolist(), reject)


def _ask(session: OnnxSession, features: Features, *, all_trees: bool) -> NDArray[Any]:
    try:
        return session.ask(features, all_trees=all_trees)
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        raise ModelFailed(" ".join(str(error).split())) from error
