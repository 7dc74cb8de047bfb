"""Models made for tests."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx.checker  # the folder onnx/ of this project shadows nothing, but `import onnx` alone would not prove it
import orjson

from onnx import TensorProto, helper, numpy_helper
from services.common.manifest import Recipe, RiskTable
from services.scorer.history.history import PAST
from services.scorer.models.load import decode_golden
from services.scorer.score import probabilities
from tests.support.messages import TRANSACTION

PROBE_FEATURES = ("amount", *PAST)
RISKS = RiskTable(amounts=(20, 60, 150), risks=tuple(place / 16 for place in range(16)))
PLAIN_RECIPE = Recipe(features=("amount", "hour"), categories=("home",))


def write_probe(folder: Path) -> Path:
    """Write a model whose score depends smoothly on every feature of the past, so that a wrong one shows; return it.

    score = sigmoid(sum of w * log(1 + |x|)) with another w for each feature; NaN counts as -7.
    """
    count = len(PROBE_FEATURES)
    weights = (np.sqrt(np.arange(2, count + 2)) % 1 - 0.5).astype(np.float32).reshape(count, 1) / 8
    nodes = [
        helper.make_node("IsNaN", ["features"], ["missing"]),
        helper.make_node("Where", ["missing", "seven", "features"], ["filled"]),
        helper.make_node("Abs", ["filled"], ["positive"]),
        helper.make_node("Add", ["positive", "one"], ["shifted"]),
        helper.make_node("Log", ["shifted"], ["logs"]),
        helper.make_node("MatMul", ["logs", "weights"], ["sum"]),
        helper.make_node("Sigmoid", ["sum"], ["probability"]),
    ]
    constants = {"seven": np.float32(-7), "one": np.float32(1), "weights": weights}
    return _write(folder, "probe", nodes, constants, Recipe(features=PROBE_FEATURES, categories=("home",), risk=RISKS))


def write_constant(folder: Path, version: str, score: float, recipe: Recipe = PLAIN_RECIPE) -> Path:
    """Write a model that gives every transaction the same score, flagged from 0.5 on: a score tells whose it is."""
    nodes = [
        helper.make_node("ReduceSum", ["features", "axis"], ["sums"], keepdims=1),
        helper.make_node("IsNaN", ["sums"], ["missing"]),
        helper.make_node("Where", ["missing", "score", "score"], ["probability"]),
    ]
    constants = {"axis": np.array([1]), "score": np.float32(score)}
    return _write(folder, version, nodes, constants, recipe)


def write_trap(folder: Path, version: str, score: float, amount: float, *, raises: bool) -> Path:
    """Write a model that gives every transaction one score, but those of one amount none, or an error."""
    nodes = [
        helper.make_node("Gather", ["features", "first"], ["amounts"], axis=1),
        helper.make_node("Equal", ["amounts", "amount"], ["trapped"]),
        helper.make_node("Where", ["trapped", "beyond", "zero"], ["place"]),
        helper.make_node("Gather", ["scores", "place"], ["probability"]),
    ]
    constants = {
        "first": np.array([0]),
        "amount": np.float32(amount),
        "beyond": np.int64(2 if raises else 1),
        "zero": np.int64(0),
        "scores": np.array([score, np.nan], np.float32),
    }
    return _write(folder, version, nodes, constants, PLAIN_RECIPE)


def _write(folder: Path, version: str, nodes: list[Any], constants: dict[str, Any], recipe: Recipe) -> Path:
    return write_artifact(folder, version, to_onnx(nodes, constants, len(recipe.features)), recipe)


def to_onnx(nodes: list[Any], constants: dict[str, Any], count: int, rows: int | None = None) -> bytes:
    """Return the ONNX file of nodes that make `probability` of `features`; batches of any size, or of `rows` alone."""
    graph = helper.make_graph(
        nodes,
        "probe",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [rows, count])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, [rows, 1])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    return content


def write_artifact(
    folder: Path, version: str, content: bytes, recipe: Recipe = PLAIN_RECIPE, score: float | None = None
) -> Path:
    """Write an ONNX file and its manifest; the ONNX file first, as whoever changes a folder in use should.

    Its golden row has the score that the model gives, or this one, for a model that cannot be asked.
    """
    import onnxruntime  # noqa: PLC0415

    from services.scorer.decode import Decoder  # noqa: PLC0415
    from services.scorer.features import required_fields, to_features  # noqa: PLC0415

    features = to_features(decode_golden(Decoder(required_fields(recipe)), [TRANSACTION]), recipe)
    if score is None:
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        score = float(probabilities(session, features)[0])
    golden = {
        "transaction": TRANSACTION,
        "features": [None if np.isnan(value) else float(value) for value in features[0]],
        "score": score,
    }
    manifest = {
        "version": version,
        "model_file": "probe.onnx",
        "sha256": hashlib.sha256(content).hexdigest(),
        "threshold": 0.5,
        "recipe": recipe.model_dump(),
        "golden": [golden],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "probe.onnx").write_bytes(content)
    (folder / "manifest.json").write_bytes(orjson.dumps(manifest))
    return folder
