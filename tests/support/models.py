"""Models made for tests."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx.checker  # the folder onnx/ of this project shadows nothing, but `import onnx` alone would not prove it
import orjson

from onnx import TensorProto, helper, numpy_helper
from services.common.contract.model import Contract
from services.scorer.compile import compile_features
from services.scorer.models.load import decode_golden
from services.scorer.models.session import open_session
from services.scorer.score import probabilities
from tests.support.contracts import contract, past_features, risk_table, write_contract
from tests.support.messages import TRANSACTION

RISKS = risk_table(("home",), (20, 60, 150), [place / 16 for place in range(16)])
PLAIN = contract(("amount", "hour"))
PROBE = contract(("amount", *past_features()), risk=RISKS)


def write_probe(folder: Path) -> Path:
    """Write a model whose score depends smoothly on every feature of the past, so that a wrong one shows; return it.

    score = sigmoid(sum of w * log(1 + |x|)) with another w for each feature; NaN counts as -7.
    """
    count = len(PROBE.features)
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
    return _write(folder, "probe", nodes, constants, PROBE)


def write_constant(folder: Path, version: str, score: float, contract: Contract = PLAIN) -> Path:
    """Write a model that gives every transaction one score, flagged from 0.5 on, so that a score tells whose it is."""
    nodes = [
        helper.make_node("ReduceSum", ["features", "axis"], ["sums"], keepdims=1),
        helper.make_node("IsNaN", ["sums"], ["missing"]),
        helper.make_node("Where", ["missing", "score", "score"], ["probability"]),
    ]
    constants = {"axis": np.array([1]), "score": np.float32(score)}
    return _write(folder, version, nodes, constants, contract)


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
    return _write(folder, version, nodes, constants, PLAIN)


def _write(folder: Path, version: str, nodes: list[Any], constants: dict[str, Any], contract: Contract) -> Path:
    return write_artifact(folder, version, to_onnx(nodes, constants, len(contract.features)), contract)


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
    folder: Path, version: str, content: bytes, contract: Contract = PLAIN, score: float | None = None
) -> Path:
    """Write an ONNX file, its contract and its manifest, which is last, as whoever changes a folder in use should.

    Its golden row has the score that the model gives, or this one, for a model that cannot be asked.
    """
    from services.scorer.decode import Decoder  # noqa: PLC0415

    written = write_contract(folder, contract)
    plan = compile_features(written)
    features = plan.to_features(decode_golden(Decoder(written, plan.fields), [TRANSACTION]))
    if score is None:
        score = float(probabilities(open_session(content, plan), features)[0])
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
        "contract_sha256": written.sha256,
        "golden": [golden],
    }
    (folder / "probe.onnx").write_bytes(content)
    (folder / "manifest.json").write_bytes(orjson.dumps(manifest))
    return folder
