"""The model: features of transactions to scores, by ONNX Runtime on the CPU."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from services.common.errors import Reason, Reject, Stop
from services.common.manifest import Manifest
from services.scorer.decode import Columns, Decoder, Rejects
from services.scorer.features import FeaturePlan

SCORE_DECIMALS = 6

CHUNK_ROWS = 1_000
"""Rows of one run of the session: the trees and a chunk stay in the processor's cache."""

EARLY_STOP = "settled"
"""An optional second input of a model: the log-odds below which it stops early. The graph holds a default."""

ROUNDING = 1e-5
"""A float32 sum or softmax may be this far outside [0, 1] and still be a probability."""

Features = NDArray[np.float32]
"""A model's input, [n, k]."""

Answer = TypeVar("Answer")


class ModelFailed(Stop):
    """A model raised an error, or returned something other than a number a row."""


@dataclass(frozen=True, slots=True)
class Model:
    """A checked model, ready to score (services.scorer.models.load)."""

    manifest: Manifest
    plan: FeaturePlan
    session: onnxruntime.InferenceSession
    decoder: Decoder

    def features(self, columns: Columns) -> Features:
        """Return the model's input, float32 [n, k]."""
        return self.plan.to_features(columns)

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


def probabilities(
    session: onnxruntime.InferenceSession, features: Features, *, all_trees: bool = False
) -> NDArray[np.float64]:
    """Return the probability of class 1 of each row, float64 [n] in [0, 1], NaN where the model gives none.

    Arguments and errors as of raw_answers().
    """
    found = raw_answers(session, features, all_trees=all_trees)
    if not (valid := is_probability(found)).all():
        found[~valid] = np.nan
    return np.clip(found, 0.0, 1.0)


def raw_answers(
    session: onnxruntime.InferenceSession, features: Features, *, all_trees: bool = False
) -> NDArray[np.float64]:
    """Return the model's answer for class 1 of each row, float64 [n], unchecked.

    It is in the session's last output: [n, 2] (a column a class, as ONNX-ML classifiers without ZipMap give), or the
    probability alone, [n] or [n, 1].

    Args:
        session: of the model.
        features: its input, float32 [n, k].
        all_trees: evaluate all trees, also of a model that stops early where a transaction is settled.

    Raises:
        ModelFailed: see there.
    """
    name, output = session.get_inputs()[0].name, session.get_outputs()[-1].name
    can_stop = any(optional.name == EARLY_STOP for optional in session.get_overridable_initializers())
    more = {EARLY_STOP: np.array(-np.inf, np.float32)} if all_trees and can_stop else {}
    chunks = [
        _run(session, output, {name: chunk, **more}, len(chunk))
        for chunk in (features[start : start + CHUNK_ROWS] for start in range(0, len(features), CHUNK_ROWS))
    ]
    return np.concatenate(chunks).astype(np.float64) if chunks else np.empty(0)


def is_probability(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which values are finite and in [0, 1], apart from rounding, bool [n]."""
    return (values >= -ROUNDING) & (values <= 1 + ROUNDING)


def ask_bisecting(ask: Callable[[Features], Sequence[Answer]], features: Features, default: Answer) -> list[Answer]:
    """Return the model's answer to each row; where it fails it is asked by halves, down to the rows at fault.

    Args:
        ask: returns an answer a row; may raise ModelFailed.
        features: float32 [n, k].
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


def _run(
    session: onnxruntime.InferenceSession, output: str, inputs: dict[str, NDArray[Any]], rows: int
) -> NDArray[Any]:
    try:
        answer = session.run([output], inputs)[0]
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        raise ModelFailed(" ".join(str(error).split())) from error
    shape = np.shape(answer)
    if shape not in {(rows,), (rows, 1), (rows, 2)}:
        raise ModelFailed(f"gave an answer of the shape {list(shape)} to {rows} rows, not [n], [n, 1] or [n, 2]")
    column: NDArray[Any] = answer[:, -1] if len(shape) > 1 else answer
    return column
