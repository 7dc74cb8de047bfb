"""Opens an ONNX file in ONNX Runtime, on the CPU, and asks it for probabilities. Knows no transaction."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from services.common.errors import Stop
from services.scorer.manifest import Unfinished

CHUNK_ROWS = 1_000
"""Rows a run of the session: the trees and a chunk stay in the processor's cache."""

SETTLED = "settled"
"""An input that a model may have beside its features: the log-odds below which it stops early. It has a default."""

EXTERNAL_DATA = b"\n\x08location\x12"
"""How a tensor names the file of its data: a key of TensorProto.external_data, as onnx.proto encodes it."""

ROUNDING = 1e-5
"""A float32 sum or softmax may end this far outside of 0 and 1 and still be a probability."""

FLOATS = ("tensor(float)", "tensor(double)", "tensor(float16)")

NO_ZIPMAP = (
    "export it without ZipMap: skl2onnx convert_sklearn(…, options={'zipmap': False}), onnxmltools"
    " convert_lightgbm(…, zipmap=False); CatBoost always adds the node, delete it from the graph"
)
ONE_INPUT = "skl2onnx, onnxmltools: initial_types=[('features', FloatTensorType([None, {}]))]; PyTorch, Keras: float32"
FREE_BATCH = (
    "torch.onnx.export(…, dynamic_axes={'features': {0: 'n'}, 'probability': {0: 'n'}}) or dynamic_shapes; skl2onnx,"
    " onnxmltools: FloatTensorType([None, k]); tf2onnx: TensorSpec([None, k])"
)


class ModelFailed(Stop):
    """A model raised an error, or gave something else than a number a row."""


def open_session(path: Path, sha256: str, threads: int, features: int) -> onnxruntime.InferenceSession:
    """Return a session of the ONNX file, once inputs and outputs have the form that the scorer can use.

    Args:
        path: of the file.
        sha256: of its bytes.
        threads: of ONNX Runtime.
        features: how many the model must take.

    Raises:
        Unfinished: there is no file, or it has another hash.
        Stop: data outside the file, not an ONNX file, or a form of its input or output that cannot be used; names the
            option of the usual exporters that helps.
    """
    content = _read_checked(path, sha256)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        raise Stop(f"{path} cannot be loaded by ONNX Runtime {onnxruntime.__version__}: {error}") from error
    _check_input(path, session, features)
    _check_output(path, session)
    return session


def answers(
    session: onnxruntime.InferenceSession, features: NDArray[np.float32], *, to_the_end: bool = False
) -> NDArray[np.float64]:
    """Return what the model says of class 1 in each row of features, float64 [n], as it says it.

    The session's last output holds it: either [n, 2] (a column a class, as ONNX-ML classifiers without ZipMap give) or
    the probability alone, [n] or [n, 1].

    Args:
        session: the model.
        features: its input, float32 [n, k].
        to_the_end: let a model that stops early where a payment is settled go on all the same.

    Raises:
        ModelFailed: as its name says.
    """
    name, output = session.get_inputs()[0].name, session.get_outputs()[-1].name
    can_stop = any(optional.name == SETTLED for optional in session.get_overridable_initializers())
    more = {SETTLED: np.array(-np.inf, np.float32)} if to_the_end and can_stop else {}
    chunks = [
        _ask(session, output, {name: chunk, **more}, len(chunk))
        for chunk in (features[start : start + CHUNK_ROWS] for start in range(0, len(features), CHUNK_ROWS))
    ]
    return np.concatenate(chunks).astype(np.float64) if chunks else np.empty(0)


def probabilities(
    session: onnxruntime.InferenceSession, features: NDArray[np.float32], *, to_the_end: bool = False
) -> NDArray[np.float64]:
    """Return the probability of class 1, float64 [n] in [0, 1], NaN where the model gives none; else as answers()."""
    said = answers(session, features, to_the_end=to_the_end)
    if not (good := is_probability(said)).all():
        said[~good] = np.nan
    return np.clip(said, 0.0, 1.0)


def is_probability(said: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which answers are finite and in [0, 1], but for rounding, bool [n]."""
    return (said >= -ROUNDING) & (said <= 1 + ROUNDING)


def _ask(
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


def _check_input(path: Path, session: onnxruntime.InferenceSession, features: int) -> None:
    inputs = session.get_inputs()
    help_ = ONE_INPUT.format(features)
    if len(inputs) != 1:
        names = ", ".join(one.name for one in inputs[:3])
        raise Stop(f"{path} takes {len(inputs)} inputs ({names}, …), it must take one of all features; export: {help_}")
    [found] = inputs
    if found.type != "tensor(float)":
        raise Stop(f"{path} takes {found.type}, it must take tensor(float), that is float32; export: {help_}")
    if len(found.shape) not in {0, 2}:
        raise Stop(f"{path} takes an input of the shape {found.shape}, it must take [n, {features}]; export: {help_}")
    rows, width = found.shape or (None, None)  # nothing is said of it: the trial will tell
    if isinstance(width, int) and width != features:
        raise Stop(f"{path} takes {width} features, its recipe has {features}")
    if isinstance(rows, int):
        text = f"{path} takes batches of exactly {rows}: the first dimension of its input is fixed"
        raise Stop(f"{text}; export it with a free one: {FREE_BATCH}")


def _check_output(path: Path, session: onnxruntime.InferenceSession) -> None:
    found = session.get_outputs()[-1]
    if "map(" in found.type:
        raise Stop(f"{path}: the output {found.name} is a ZipMap, a dictionary of classes for each row; {NO_ZIPMAP}")
    if found.type not in FLOATS:
        label = " (a label, not a probability)" if "int" in found.type or "string" in found.type else ""
        text = f"{path}: the last output, {found.name}, is {found.type}{label}"
        raise Stop(f"{text}; it must be the probability of fraud, tensor(float): export predict_proba, and that last")
    width = found.shape[-1] if len(found.shape) > 1 else 1
    if isinstance(width, int) and width not in {1, 2}:
        raise Stop(
            f"{path}: the last output, {found.name}, has {width} columns; it must have one, or two with fraud last"
        )
