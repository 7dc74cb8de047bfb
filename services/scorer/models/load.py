"""Loads a model: an ONNX file that is checked against its manifest and tried before it is trusted."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from services.common.contract.load import read_contract
from services.common.contract.model import Contract
from services.common.errors import Stop
from services.common.manifest import GoldenRow, Unfinished, read_manifest
from services.scorer.compile import compile_features
from services.scorer.decode import Columns, Decoder
from services.scorer.features import Features
from services.scorer.models.session import open_session
from services.scorer.models.trial import try_model
from services.scorer.score import Model, ModelFailed, probabilities

GOLDEN_TOLERANCE = 1e-5

EXTERNAL_DATA = b"\n\x08location\x12"
"""The key of TensorProto.external_data by which a tensor names the file of its data, as onnx.proto encodes it."""


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
    session = open_session(read_checked(path, manifest.sha256), plan, str(path), threads)
    model = Model(manifest, plan, session, Decoder(contract, plan.fields.union(more_fields)))
    golden = decode_golden(model.decoder, manifest.golden)
    features = _check_golden_features(path, model, golden)
    _check_references(path, model)
    try_model(path, model, golden)
    _check_golden_scores(path, model, features)
    return model


def _read_contract(folder: Path) -> Contract:
    """Return the contract of a folder; one that is missing or cut off may still be being copied."""
    try:
        return read_contract(folder)
    except Stop as error:
        raise Unfinished(str(error)) from error


def decode_golden(decoder: Decoder, rows: Sequence[GoldenRow | Mapping[str, Any]]) -> Columns:
    """Return the columns of golden transactions.

    Raises:
        Stop: one of them cannot be decoded.
    """
    transactions = [row.transaction if isinstance(row, GoldenRow) else row for row in rows]
    columns, rejects = decoder.decode([orjson.dumps(transaction) for transaction in transactions], str)
    if rejects:
        raise Stop(f"golden row {min(rejects)} cannot be decoded: {rejects[min(rejects)]}")
    return columns


def read_checked(path: Path, sha256: str) -> bytes:
    """Return the content of an ONNX file; errors as of load_model()."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Unfinished(f"no model at {path}: {error.strerror}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise Unfinished(f"{path} is not the model of its manifest: sha256 {found}, expected {sha256}")
    if EXTERNAL_DATA in content:
        text = f"{path} keeps numbers in another file, which no hash covers: save it as one file"
        raise Stop(f"{text}; PyTorch: torch.onnx.export(…, external_data=False)")
    return content


def _check_golden_features(path: Path, model: Model, golden: Columns) -> Features:
    """Return the golden rows' features, which must be those of the manifest."""
    features, names = model.features(golden), model.plan.names
    expected = _from_manifest(path, model, "golden rows' features", [row.features for row in model.manifest.golden])
    texts = [model.plan.is_text(place) for place in range(len(names))]
    numbers = np.logical_not(texts)
    found, wanted = (rows[:, numbers].astype(np.float64) for rows in (features, expected))
    same = np.allclose(found, wanted, rtol=1e-6, atol=1e-6, equal_nan=True)
    if not same or (features[:, texts] != expected[:, texts]).any():
        raise Stop(f"{path}: the golden rows' features come out differently: contract and code do not fit")
    return features


def _check_references(path: Path, model: Model) -> None:
    names, references = model.plan.names, model.manifest.references
    _from_manifest(path, model, "references", [[references.get(name) for name in names]])


def _from_manifest(path: Path, model: Model, what: str, rows: Sequence[Sequence[float | str | None]]) -> Features:
    try:
        return model.plan.from_manifest(rows, model.session.dtype)
    except ValueError as error:
        raise Stop(f"{path}: the manifest's {what} are not those of the contract: {error}") from error


def _check_golden_scores(path: Path, model: Model, features: Features) -> None:
    try:
        scores = probabilities(model.session, features)
    except ModelFailed as error:
        raise Stop(f"{path} cannot score the golden rows: {error}") from error
    worst = float(np.abs(scores - np.array([row.score for row in model.manifest.golden])).max())
    if not worst <= GOLDEN_TOLERANCE:
        raise Stop(f"{path}: the golden rows' scores differ by {worst:.2g}, allowed {GOLDEN_TOLERANCE:.0e}")
