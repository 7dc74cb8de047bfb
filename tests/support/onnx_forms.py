"""ONNX models in the forms that exporters give them, each with a contract, records, and what the exporter predicts."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import orjson
import pandas as pd
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType as LightgbmFloats
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import (
    BooleanTensorType,
    DoubleTensorType,
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
)
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from onnx import TensorProto, helper, numpy_helper
from services.common.contract.load import read_contract
from services.scorer.compile import compile_features
from services.scorer.decode import Decoder
from services.scorer.models.load import decode_golden
from services.scorer.models.session import open_session

MADE = Path(__file__).resolve().parents[1] / "unit" / "scorer" / "models" / "onnx"
"""Files of exporters that this project does not install; README.md there says how they were made."""

ROWS = 20
NUMBERS = ("first", "second", "third")
NUMBER = '{ type = "number", required = true, min = -1e6, max = 1e6 }'

Records = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Form:
    """A model.

    Attributes:
        content: the ONNX file.
        records: the fields of each, [n].
        predictions: of the exporter's own library, [n].
        model: lines of the contract's [model].
        fields: name -> what the contract says of it.
    """

    content: bytes
    records: Records
    predictions: Sequence[float]
    model: str = ""
    fields: dict[str, str] = field(default_factory=lambda: dict.fromkeys(NUMBERS, NUMBER))

    def contract(self) -> str:
        """Return the contract file: a feature for each field, as it is."""
        fields = [f"{name} = {spec}" for name, spec in self.fields.items()]
        features = [f'{name} = "{name}"' for name in self.fields]
        lines = ["format = 1", 'name = "form"', "[fields]", *fields, "[features]", *features, "[model]", self.model]
        return "\n".join(lines)


def write_form(folder: Path, form: Form, references: dict[str, Any] | None = None) -> Path:
    """Write a folder of a model, whose golden row has the score that the exporter predicts; return it."""
    write_untried(folder, form)
    contract = read_contract(folder)
    plan = compile_features(contract)
    columns = decode_golden(Decoder(contract, plan.fields), form.records[:1])
    [features] = plan.to_features(columns, open_session(form.content, plan).dtype).tolist()
    return write_untried(folder, form, [None if value != value else value for value in features], references)  # noqa: PLR0124


def write_untried(
    folder: Path, form: Form, features: Sequence[Any] = (), references: dict[str, Any] | None = None
) -> Path:
    """Write a folder of a model with these features in its golden row: one that is refused needs none; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(form.content)
    (folder / "contract.toml").write_text(form.contract(), encoding="utf-8")
    manifest = {
        "version": "form",
        "model_file": "model.onnx",
        "sha256": hashlib.sha256(form.content).hexdigest(),
        "threshold": 0.5,
        "contract_sha256": read_contract(folder).sha256,
        "references": references or {},
        "golden": [{"transaction": form.records[0], "features": features, "score": float(form.predictions[0])}],
    }
    (folder / "manifest.json").write_bytes(orjson.dumps(manifest))
    return folder


@cache
def data() -> tuple[Any, Any]:
    """Return features, float32 [300, 3], and whether each is a fraud."""
    features = np.random.default_rng(28).random((300, 3)).astype(np.float32)
    return features, features[:, 0] + 0.3 * features[:, 1] > 0.7


def records_of(features: Any) -> Records:
    """Return rows of NUMBERS as records."""
    return [dict(zip(NUMBERS, row, strict=True)) for row in features.tolist()]


def of_numbers(content: bytes, predictions: Any, model: str = "") -> Form:
    """Return a form of the first rows of data()."""
    return Form(content, records_of(data()[0][:ROWS]), np.asarray(predictions, np.float64).ravel().tolist(), model)


def logistic(labels: Any, *, kind: Any = FloatTensorType, rows: int | None = None, **options: Any) -> tuple[bytes, Any]:
    """Return a logistic regression's ONNX file, and its probabilities [n, classes]."""
    features = data()[0]
    model = LogisticRegression(C=100).fit(features, labels)
    exported = convert_sklearn(model, initial_types=[("features", kind([rows, 3]))], **options)
    return exported.SerializeToString(), model.predict_proba(features[:ROWS])


def kinds() -> Any:
    """Return three classes of data(), as texts."""
    return np.array(["chargeback", "ok", "stolen"])[np.digitize(data()[0][:, 0], [0.3, 0.7])]


PLAIN: dict[str, Any] = {"options": {"zipmap": False}}


def _lightgbm(*, zipmap: bool) -> Form:
    features, frauds = data()
    parameters = {"objective": "binary", "verbose": -1, "num_threads": 1, "min_data_in_leaf": 5, "seed": 1}
    booster = lightgbm.train(parameters, lightgbm.Dataset(features, frauds), 5)
    types = [("features", LightgbmFloats([None, 3]))]
    content = convert_lightgbm(booster, initial_types=types, zipmap=zipmap, target_opset=15).SerializeToString()
    return of_numbers(content, booster.predict(features[:ROWS]))


def _sklearn(labels: Any, column: int, model: str = "", **options: Any) -> Form:
    content, probabilities = logistic(labels, **options)
    return of_numbers(content, probabilities[:, column], model)


def _regression() -> Form:
    features, frauds = data()
    forest = RandomForestRegressor(5, max_depth=3, random_state=1).fit(features, frauds.astype(np.float32))
    content = convert_sklearn(forest, initial_types=[("features", FloatTensorType([None, 3]))]).SerializeToString()
    return of_numbers(content, forest.predict(features[:ROWS]))


def _made(name: str, model: str = "") -> Form:
    made = orjson.loads((MADE / "predictions.json").read_bytes())
    return Form(
        (MADE / f"{name}.onnx").read_bytes(), records_of(np.array(made["features"])), made["predictions"][name], model
    )


LOANS = {
    "amount": NUMBER,
    "months": '{ type = "integer", required = true, min = 1, max = 600 }',
    "is_new": '{ type = "integer", required = true, min = 0, max = 1 }',
    "purpose": '{ type = "text", values = ["car", "home", "study"], spellings.car = ["auto"] }',
    "city": '"text"',
}
LOAN_TYPES = {
    "amount": FloatTensorType,
    "months": Int64TensorType,
    "is_new": BooleanTensorType,
    "purpose": StringTensorType,
    "city": StringTensorType,
}


def _pipeline() -> Form:
    """One input a column, of every type, some of them missing."""
    random = np.random.default_rng(28)
    count = 300
    frame = pd.DataFrame(
        {
            "amount": random.random(count).astype(np.float32) * 5,
            "months": random.integers(1, 60, count),
            "is_new": random.random(count) > 0.5,
            "purpose": random.choice(["car", "home", "study", ""], count),
            "city": random.choice(["Омск", "Łódź", "Reno", ""], count),
        }
    )
    bad = frame["amount"] + (frame["purpose"] == "car") + frame["is_new"] - frame["months"] / 30 > 2
    texts = ("city", "purpose")
    numbers = [name for name in frame if name not in texts]
    columns = ColumnTransformer(
        [("texts", OneHotEncoder(handle_unknown="ignore"), list(texts)), ("numbers", "passthrough", numbers)]
    )
    model = make_pipeline(columns, LogisticRegression(max_iter=1000)).fit(frame, bad)
    types = [(name, kind([None, 1])) for name, kind in LOAN_TYPES.items()]
    content = convert_sklearn(model, initial_types=types, options={"zipmap": False}).SerializeToString()
    asked = frame[:ROWS].copy()
    asked["city"] = np.where(np.arange(ROWS) == 3, "Nowhere", asked["city"])
    rows = asked.assign(is_new=asked["is_new"].astype(int)).to_dict("records")
    records = [{str(name): value for name, value in row.items()} for row in rows]
    for row, record in enumerate(records):
        if record["purpose"] == "car" and row % 2:
            record["purpose"] = "AUTO"
        if not record["city"]:
            del record["city"]
    return Form(content, records, model.predict_proba(asked)[:, 1].tolist(), 'input = "columns"', LOANS)


def graph(
    nodes: Sequence[Any],
    inputs: Mapping[str, tuple[int, Sequence[Any]]],
    outputs: Mapping[str, tuple[int, Sequence[Any]]],
    constants: dict[str, Any],
    opset: int = 17,
    ir_version: int = 9,
) -> bytes:
    """Return the ONNX file of a graph; inputs and outputs are name -> type and shape."""
    made = helper.make_graph(
        nodes,
        "form",
        [helper.make_tensor_value_info(name, *kind) for name, kind in inputs.items()],
        [helper.make_tensor_value_info(name, *kind) for name, kind in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    content: bytes = helper.make_model(made, opset_imports=opsets, ir_version=ir_version).SerializeToString()
    return content


FLOAT, DOUBLE, LABEL, TEXT = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64, TensorProto.STRING
WEIGHTS = np.array([[4.0], [-2.0], [1.0]], np.float32)


def _sigmoids() -> Any:
    return 1 / (1 + np.exp(-(data()[0][:ROWS].astype(np.float64) @ WEIGHTS)))


def _vector(opset: int, ir_version: int) -> Form:
    """[n] alone."""
    nodes = [
        helper.make_node("MatMul", ["features", "weights"], ["sum"]),
        helper.make_node("Sigmoid", ["sum"], ["column"]),
        helper.make_node("Reshape", ["column", "all"], ["probability"]),
    ]
    inputs, outputs = {"features": (FLOAT, [None, 3])}, {"probability": (FLOAT, [None])}
    content = graph(nodes, inputs, outputs, {"weights": WEIGHTS, "all": np.array([-1])}, opset, ir_version)
    return of_numbers(content, _sigmoids())


def _flat_columns() -> Form:
    """One input a column, [n]; the answer is a double, and not the last output."""
    nodes = [
        *(helper.make_node("Cast", [name], [f"{name}_d"], to=DOUBLE) for name in NUMBERS),
        *(helper.make_node("Mul", [f"{name}_d", f"{name}_w"], [f"{name}_m"]) for name in NUMBERS),
        helper.make_node("Sum", [f"{name}_m" for name in NUMBERS], ["sum"]),
        helper.make_node("Sigmoid", ["sum"], ["probability"]),
        helper.make_node("Cast", ["probability"], ["label"], to=LABEL),
    ]
    inputs = {name: (kind, ["n"]) for name, kind in zip(NUMBERS, (FLOAT, DOUBLE, FLOAT), strict=True)}
    outputs = {"probability": (DOUBLE, ["n"]), "label": (LABEL, ["n"])}
    constants = {f"{name}_w": np.float64(weight[0]) for name, weight in zip(NUMBERS, WEIGHTS, strict=True)}
    model = 'input = "columns"\noutput = "probability"'
    return of_numbers(graph(nodes, inputs, outputs, constants), _sigmoids(), model)


def _frauds() -> Any:
    return data()[1].astype(int)


def _words() -> Any:
    return np.where(data()[1], "fraud", "legit")


FORMS: dict[str, Callable[[], Form]] = {
    "onnxmltools, LightGBM": lambda: _lightgbm(zipmap=False),
    "onnxmltools, LightGBM, ZipMap": lambda: _lightgbm(zipmap=True),
    "onnxmltools, XGBoost": lambda: _made("xgboost"),
    "CatBoost, ZipMap": lambda: _made("catboost"),
    "CatBoost, ZipMap of three texts": lambda: _made("catboost_texts", 'positive = "stolen"'),
    "PyTorch": lambda: _made("torch"),
    "PyTorch, a batch of 1": lambda: _made("torch_one_row"),
    "skl2onnx": lambda: _sklearn(_frauds(), 1, **PLAIN),
    "skl2onnx, ZipMap": lambda: _sklearn(_frauds(), 1),
    "skl2onnx, doubles": lambda: _sklearn(_frauds(), 1, kind=DoubleTensorType, **PLAIN),
    "skl2onnx, a batch of 1": lambda: _sklearn(_frauds(), 1, rows=1, **PLAIN),
    "skl2onnx, labels 1 and 2": lambda: _sklearn(2 - _frauds(), 0, "positive = 1", **PLAIN),
    "skl2onnx, text labels": lambda: _sklearn(_words(), 0, 'positive = "fraud"', **PLAIN),
    "skl2onnx, text labels, ZipMap": lambda: _sklearn(_words(), 0, 'positive = "fraud"'),
    "skl2onnx, three classes": lambda: _sklearn(kinds(), 2, 'positive = "stolen"', **PLAIN),
    "skl2onnx, regression": _regression,
    "skl2onnx, an input a column": _pipeline,
    "skl2onnx, an old opset": lambda: _sklearn(_frauds(), 1, target_opset={"": 9, "ai.onnx.ml": 1}, **PLAIN),
    "a graph by hand, [n]": lambda: _vector(17, 9),
    "a graph by hand, opset 7": lambda: _vector(7, 3),
    "a graph by hand, [n] a column, a double": _flat_columns,
}
