"""A model is tried before it is trusted: what passes on its golden row and fails on real batches is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType as LightgbmFloats
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.linear_model import LogisticRegression

from onnx import helper
from services.common.errors import Stop
from services.common.manifest import Recipe
from services.scorer.models.load import load_model
from tests.support.models import to_onnx, write_artifact, write_constant, write_probe

TOWN = Recipe(features=("amount", "population"), categories=("home",))
HOUR = Recipe(features=("amount", "hour"), categories=("home",))
node = helper.make_node
SUM = node("ReduceSum", ["features", "axis"], ["sum"], keepdims=1)
SIGMOID = node("Sigmoid", ["sum"], ["probability"])
AXIS = {"axis": np.array([1])}
AMOUNT = node("Gather", ["features", "first"], ["amount"], axis=1)
FIRST = {"first": np.array([0])}

BROKEN: dict[str, tuple[Recipe, list[Any], dict[str, Any], str]] = {
    "a town that is not known": (TOWN, [SUM, SIGMOID], AXIS, r"without population_city is nan"),
    "a refund": (
        HOUR,
        [AMOUNT, node("Log", ["amount"], ["sum"]), SIGMOID],
        FIRST,
        r"with amount = -1e\+12 is nan",
    ),
    "a large amount": (
        HOUR,
        [
            AMOUNT,
            node("Exp", ["amount"], ["odds"]),
            node("Add", ["odds", "one"], ["more"]),
            node("Div", ["odds", "more"], ["probability"]),
        ],
        FIRST | {"one": np.float32(1)},
        r"with amount = 1e\+12 is nan",
    ),
    "log-odds": (
        HOUR,
        [AMOUNT, node("Div", ["amount", "thousand"], ["probability"])],
        FIRST | {"thousand": np.float32(1000)},
        r"with amount = -1e\+12 is -1e\+09, no probability in \[0, 1\].*Sigmoid",
    ),
    "two rows": (
        HOUR,
        [
            SUM,
            node("Reshape", ["sum", "shape"], ["one"]),
            node("Sigmoid", ["one"], ["probability"]),
        ],
        AXIS | {"shape": np.array([1, 1])},
        r"fails on 2 transactions at once",
    ),
    "an answer a batch": (
        HOUR,
        [SUM, node("ReduceMean", ["sum"], ["mean"], axes=[0]), node("Sigmoid", ["mean"], ["probability"])],
        AXIS,
        r"the shape \[1, 1\] to 2 rows",
    ),
    "company": (
        HOUR,
        [SUM, node("Softmax", ["sum"], ["probability"], axis=0)],
        AXIS,
        r"score differs by .* with the others in its batch",
    ),
    "the afternoon": (
        Recipe(features=("hour",), categories=("home",)),
        [node("Cast", ["features"], ["hour"], to=7), node("Gather", ["table", "hour"], ["probability"])],
        {"table": np.linspace(0, 1, 20, dtype=np.float32)},
        r"fails on a transaction with transaction_time = 2020-06-17T20:05:00: .*out of data bounds",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_model_that_fails_on_what_transactions_may_hold_is_refused(case: str, tmp_path: Path) -> None:
    """Its golden row comes out right, and the message names what it cannot score."""
    recipe, nodes, constants, message = BROKEN[case]
    score = 1.0 if case == "company" else None
    folder = write_artifact(tmp_path, "b", to_onnx(nodes, constants, len(recipe.features)), recipe, score)

    with pytest.raises(Stop, match=message):
        load_model(folder)


def test_a_batch_that_is_fixed_is_named_with_the_export_option_that_helps(tmp_path: Path) -> None:
    """The default of torch.onnx.export with one example."""
    content = to_onnx([SUM, SIGMOID], AXIS, 2, rows=1)

    with pytest.raises(Stop, match=r"batches of exactly 1: .*dynamic_axes"):
        load_model(write_artifact(tmp_path, "b", content))


def test_sound_models_pass(tmp_path: Path) -> None:
    """One of the transaction, one of the whole past."""
    assert load_model(write_constant(tmp_path / "a", "a", 0.25)).manifest.version == "a"
    assert load_model(write_probe(tmp_path / "b")).manifest.version == "probe"


def _lightgbm() -> Any:
    features, outcomes = _data()
    return lightgbm.train(
        {"objective": "binary", "verbose": -1, "num_threads": 1}, lightgbm.Dataset(features, outcomes), 2
    )


def _logistic() -> Any:
    return LogisticRegression().fit(*_data())


def _data() -> tuple[Any, Any]:
    features = np.random.default_rng(1).random((200, 2)).astype(np.float32)
    return features, features[:, 0] > 0.5  # half of them


def _plain(width: Any = 2) -> Any:
    return [("features", FloatTensorType([None, width]))]


def _label_alone() -> bytes:
    model = convert_sklearn(_logistic(), initial_types=_plain(), options={"zipmap": False})
    del model.graph.output[1]
    return bytes(model.SerializeToString())


EXPORTS: dict[str, tuple[Callable[[], bytes], str]] = {
    "onnxmltools": (
        lambda: convert_lightgbm(
            _lightgbm(), initial_types=[("features", LightgbmFloats([None, 2]))], target_opset=15
        ).SerializeToString(),
        r"probabilities is a ZipMap, .*convert_lightgbm\(…, zipmap=False\)",
    ),
    "skl2onnx": (
        lambda: convert_sklearn(_logistic(), initial_types=_plain()).SerializeToString(),
        r"ZipMap, .*options=\{'zipmap': False\}",
    ),
    "doubles": (
        lambda: convert_sklearn(
            _logistic(), initial_types=[("features", DoubleTensorType([None, 2]))], options={"zipmap": False}
        ).SerializeToString(),
        r"takes tensor\(double\), it must take tensor\(float\).*FloatTensorType\(\[None, 2\]\)",
    ),
    "a label alone": (_label_alone, r"is tensor\((int64|bool|string)\).*predict_proba"),
    "a row of a fixed size": (
        lambda: convert_sklearn(
            _logistic(), initial_types=[("features", FloatTensorType([1, 2]))], options={"zipmap": False}
        ).SerializeToString(),
        r"batches of exactly 1",
    ),
}


@pytest.mark.parametrize("exporter", EXPORTS)
def test_default_exports_are_named_as_what_they_are(exporter: str, tmp_path: Path) -> None:
    """With the option of the exporter that helps; not in Python's words."""
    export, message = EXPORTS[exporter]
    with pytest.raises(Stop, match=message):
        load_model(write_artifact(tmp_path, "b", export(), HOUR, score=0.5))
