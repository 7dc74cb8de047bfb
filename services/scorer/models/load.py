"""Loads a model: an ONNX file that is checked against its manifest and tried before it is trusted."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import orjson

from services.common.contract.load import read_contract
from services.common.contract.model import Contract
from services.common.errors import Stop
from services.common.manifest import GoldenRow, Unfinished, read_manifest
from services.scorer.compile import compile_features
from services.scorer.decode import Columns, Decoder
from services.scorer.models.trial import try_model
from services.scorer.score import Features, Model, ModelFailed, probabilities

GOLDEN_TOLERANCE = 1e-5

EXTERNAL_DATA = b"\n\x08location\x12"
"""The key of TensorProto.external_data by which a tensor names the file of its data, as onnx.proto encodes it."""

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


def load_model(folder: Path, threads: int = 1, more_fields: Iterable[str] = ()) -> Model:
    """Return the model of a folder after it has passed all checks.

    Args:
        folder: of manifest.json, contract.toml and the ONNX file.
        threads: of ONNX Runtime.
        more_fields: to decode besides the fields that the model's features need.

    Raises:
        Stop: data outside the file, wrong number of features, not a classifier's output, golden rows with other
            results, or no finite probability for something that a transaction may hold (services.scorer.models.trial).
        Unfinished: a file is missing, or the hash is wrong.
    """
    manifest = read_manifest(folder)
    path, contract = folder / manifest.model_file, _read_contract(folder)
    if contract.sha256 != manifest.contract_sha256:
        raise Unfinished(f"{folder}: contract and tables are not those of the manifest")
    plan = compile_features(contract)
    session = open_session(path, manifest.sha256, threads, len(plan.names))
    model = Model(manifest, plan, session, Decoder(contract, plan.fields.union(more_fields)))
    golden = decode_golden(model.decoder, manifest.golden)
    features = _check_golden_features(path, model, golden)
    try_model(path, model, golden)
    _check_golden_scores(path, model, features)
    return model


def _read_contract(folder: Path) -> Contract:
    """Return the contract of a folder; one that is missing or cut off may still be being copied."""
    try:
        return read_contract(folder)
    except Stop as error:
        raise Unfinished(str(error)) from error


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


def open_session(path: Path, sha256: str, threads: int, features: int) -> onnxruntime.InferenceSession:
    """Return a session of the ONNX file; an error names the option of the usual exporters that helps."""
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


def _read_checked(path: Path, sha256: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Unfinished(f"no model at {path}: {error.strerror}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise Unfinished(f"{path} is not the model of its manifest: sha256 {found}, expected {sha256}")
    if EXTERNAL_DATA in content:
        raise Stop(f"{path} keeps numbers in another file, which no hash covers: save it as one file")
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
    rows, width = found.shape or (None, None)  # not declared: the trial finds out
    if isinstance(width, int) and width != features:
        raise Stop(f"{path} takes {width} features, its contract has {features}")
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


def _check_golden_features(path: Path, model: Model, golden: Columns) -> Features:
    """Return the golden rows' features, which must be those of the manifest."""
    rows, features = model.manifest.golden, model.features(golden)
    expected = np.array([row.features for row in rows], np.float32)
    if expected.shape != features.shape or not np.allclose(features, expected, rtol=1e-6, atol=1e-6, equal_nan=True):
        raise Stop(f"{path}: the golden rows' features come out differently: contract and code do not fit")
    return features


def _check_golden_scores(path: Path, model: Model, features: Features) -> None:
    try:
        scores = probabilities(model.session, features)
    except ModelFailed as error:
        raise Stop(f"{path} cannot score the golden rows: {error}") from error
    worst = float(np.abs(scores - np.array([row.score for row in model.manifest.golden])).max())
    if not worst <= GOLDEN_TOLERANCE:
        raise Stop(f"{path}: the golden rows' scores differ by {worst:.2g}, allowed {GOLDEN_TOLERANCE:.0e}")
