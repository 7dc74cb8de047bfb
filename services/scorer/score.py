"""The model: an ONNX file checked against its manifest, served by ONNX Runtime on the CPU. Knows no Kafka."""

import hashlib
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
from services.scorer.manifest import GoldenRow, Manifest, Unfinished, read_manifest

GOLDEN_TOLERANCE = 1e-5
CHUNK_ROWS = 1_000
"""Rows a run of the session: the trees and a chunk stay in the processor's cache."""

SCORE_DECIMALS = 6

SETTLED = "settled"
"""An input that a model may have beside its features: the log-odds below which it stops early. It has a default."""

EXTERNAL_DATA = b"\n\x08location\x12"
"""How a tensor names the file of its data: a key of TensorProto.external_data, as onnx.proto encodes it."""


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
        manifest's threshold comes to the same flag.
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
        Stop: data outside the file, wrong number of features, not a classifier's output, or golden rows that come out
            otherwise.
        Unfinished: a file is missing, or the hash is wrong.
    """
    manifest = read_manifest(folder)
    path = folder / manifest.model_file
    content = _read_checked(path, manifest.sha256)
    session = _open_session(path, content, threads)
    _check_inputs(path, session, len(manifest.recipe.features))
    model = Model(manifest, session, Decoder(required_fields(manifest.recipe).union(more_fields)))
    _check_golden(path, model)
    return model


def probabilities(
    session: onnxruntime.InferenceSession, features: NDArray[np.float32], *, to_the_end: bool = False
) -> NDArray[np.float64]:
    """Return the probability of class 1, float64 [n], of a feature matrix, float32 [n, k].

    The session's last output holds it: either [n, 2] (a column a class, as ONNX-ML classifiers without ZipMap give) or
    the probability alone, [n] or [n, 1].

    Args:
        session: the model.
        features: its input.
        to_the_end: let a model that stops early where a payment is settled go on all the same.
    """
    name, output = session.get_inputs()[0].name, session.get_outputs()[-1].name
    can_stop = any(optional.name == SETTLED for optional in session.get_overridable_initializers())
    more = {SETTLED: np.array(-np.inf, np.float32)} if to_the_end and can_stop else {}
    chunks = [
        session.run([output], {name: features[start : start + CHUNK_ROWS], **more})[0]
        for start in range(0, len(features), CHUNK_ROWS)
    ]
    if not chunks:
        return np.empty(0)
    result = np.concatenate(chunks)
    column = result[:, -1] if result.ndim == 2 else result
    return np.clip(column.astype(np.float64), 0.0, 1.0)


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


def _read_checked(path: Path, sha256: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Unfinished(f"no model at {path}: {error.strerror}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise Unfinished(f"{path} is not the model of its manifest: sha256 {found}, expected {sha256}")
    if EXTERNAL_DATA in content:
        raise Stop(f"{path} keeps numbers in another file, which no hash vouches for: save it as one file")
    return content


def _open_session(path: Path, content: bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        raise Stop(f"{path} cannot be loaded by ONNX Runtime: {error}") from error


def _check_inputs(path: Path, session: onnxruntime.InferenceSession, features: int) -> None:
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(float)":
        raise Stop(f"{path} must take one float tensor, it takes {[(i.name, i.type) for i in inputs]}")
    width = inputs[0].shape[-1]
    if isinstance(width, int) and width != features:
        raise Stop(f"{path} takes {width} features, its recipe has {features}")


def _check_golden(path: Path, model: Model) -> None:
    rows = model.manifest.golden
    columns = decode_golden(model.decoder, rows)
    features = to_features(columns, model.manifest.recipe)
    expected = np.array([row.features for row in rows], np.float32)
    if expected.shape != features.shape or not np.allclose(features, expected, rtol=1e-6, atol=1e-6, equal_nan=True):
        raise Stop(f"{path}: the golden rows' features come out differently: recipe and code do not fit")
    try:
        scores = probabilities(model.session, features)
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        raise Stop(f"{path} cannot score the golden rows: {error}") from error
    worst = float(np.abs(scores - np.array([row.score for row in rows])).max())
    if not worst <= GOLDEN_TOLERANCE:
        raise Stop(f"{path}: the golden rows' scores differ by {worst:.2g}, allowed {GOLDEN_TOLERANCE:.0e}")
