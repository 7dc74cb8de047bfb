"""The model: an ONNX file checked against its manifest, served by ONNX Runtime on the CPU. Knows no Kafka."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import orjson
from numpy.typing import NDArray

from services.common.errors import Stop
from services.scorer.decode import Columns, Decoder
from services.scorer.features import required_fields, to_features
from services.scorer.inference import ModelFailed, open_session, probabilities
from services.scorer.manifest import GoldenRow, Manifest, read_manifest
from services.scorer.models.trial import try_model

GOLDEN_TOLERANCE = 1e-5
SCORE_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Model:
    """A checked model, ready to score."""

    manifest: Manifest
    session: onnxruntime.InferenceSession
    decoder: Decoder

    def features(self, columns: Columns) -> NDArray[np.float32]:
        """Return the model's input, float32 [n, k]."""
        return to_features(columns, self.manifest.recipe)

    def score(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the probability of fraud of each row of features, float64 [n] in [0, 1], rounded to 6 decimals.

        The rounded value is what is published, and the flag is taken from it, so that every reader of a score and the
        manifest's threshold comes to the same flag. It is NaN where the model gives no probability.

        Raises:
            ModelFailed: the model raised an error, or gave something else than a number a row.
        """
        return np.round(probabilities(self.session, features), SCORE_DECIMALS)

    def flag(self, scores: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which scores are flagged as fraud, bool [n]."""
        return scores >= self.manifest.threshold


def load_model(folder: Path, threads: int = 1, more_fields: Iterable[str] = ()) -> Model:
    """Return the model of a folder once it has proved to be what its manifest says.

    Args:
        folder: of manifest.json and the ONNX file.
        threads: of ONNX Runtime.
        more_fields: what is to be decoded besides the fields that the model's features need.

    Raises:
        Stop: data outside the file, wrong number of features, not a classifier's output, golden rows that come out
            otherwise, or no finite probability for whatever a transaction may hold (services.scorer.trial).
        Unfinished: a file is missing, or the hash is wrong.
    """
    manifest = read_manifest(folder)
    path = folder / manifest.model_file
    fields = required_fields(manifest.recipe)
    session = open_session(path, manifest.sha256, threads, len(manifest.recipe.features))
    model = Model(manifest, session, Decoder(fields.union(more_fields)))
    golden = _check_golden_features(path, model)
    try_model(path, session, manifest)
    _check_golden_scores(path, model, golden)
    return model


def decode_golden(decoder: Decoder, rows: tuple[GoldenRow, ...] | list[Mapping[str, Any]]) -> Columns:
    """Return the columns of golden transactions.

    Raises:
        Stop: one of them cannot be decoded.
    """
    transactions = [row.transaction if isinstance(row, GoldenRow) else row for row in rows]
    columns, rejects = decoder.decode([orjson.dumps(transaction) for transaction in transactions], str)
    if rejects:
        raise Stop(f"golden row {min(rejects)} cannot be decoded: {rejects[min(rejects)]}")
    return columns


def _check_golden_features(path: Path, model: Model) -> NDArray[np.float32]:
    """Return the golden rows' features, once they are those of the manifest."""
    rows = model.manifest.golden
    features = to_features(decode_golden(model.decoder, rows), model.manifest.recipe)
    expected = np.array([row.features for row in rows], np.float32)
    if expected.shape != features.shape or not np.allclose(features, expected, rtol=1e-6, atol=1e-6, equal_nan=True):
        raise Stop(f"{path}: the golden rows' features come out differently: recipe and code do not fit")
    return features


def _check_golden_scores(path: Path, model: Model, features: NDArray[np.float32]) -> None:
    try:
        scores = probabilities(model.session, features)
    except ModelFailed as error:
        raise Stop(f"{path} cannot score the golden rows: {error}") from error
    worst = float(np.abs(scores - np.array([row.score for row in model.manifest.golden])).max())
    if not worst <= GOLDEN_TOLERANCE:
        raise Stop(f"{path}: the golden rows' scores differ by {worst:.2g}, allowed {GOLDEN_TOLERANCE:.0e}")
