"""ONNX as exporters write it: every form is scored as its exporter predicts, the rest is refused in one line."""

import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType

from onnx import helper
from services.common.contract.load import to_contract
from services.common.errors import Stop
from services.common.kafka.assignment import Batch
from services.scorer.compile import compile_features
from services.scorer.decode import Columns
from services.scorer.explain import explain
from services.scorer.models.labels import class_labels
from services.scorer.models.load import decode_golden, load_model
from services.scorer.models.session import OnnxSession, open_session
from services.scorer.models.shadow import ScoredBatch, Shadow
from services.scorer.score import Model, ask_bisecting
from tests.support.onnx_forms import (
    DOUBLE,
    FLOAT,
    FORMS,
    LABEL,
    MADE,
    NUMBER,
    NUMBERS,
    PLAIN,
    TEXT,
    Form,
    Records,
    data,
    graph,
    kinds,
    logistic,
    of_numbers,
    write_form,
    write_untried,
)

node = helper.make_node
FRAUDS = data()[1].astype(int)
WORDS = np.where(data()[1], "fraud", "legit")
COLUMNS = 'input = "columns"'


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_scored_as_its_exporter_predicts(name: str, tmp_path: Path) -> None:
    """It passes the trial too: batches, missing values, unknown texts, extremes."""
    form = FORMS[name]()
    model = load_model(write_form(tmp_path, form))

    scores = model.score(model.features(decode_golden(model.decoder, form.records)))

    assert np.ptp(form.predictions) > 0.1
    assert np.abs(scores - form.predictions).max() < 1e-5


def _loans(tmp_path: Path, references: dict[str, Any]) -> tuple[Model, Any]:
    form = FORMS["skl2onnx, an input a column"]()
    model = load_model(write_form(tmp_path, form, references))
    return model, model.features(decode_golden(model.decoder, form.records))


def test_texts_reach_the_model_as_the_contract_spells_them(tmp_path: Path) -> None:
    """A missing one as an empty text; an unknown one as it is."""
    model, features = _loans(tmp_path, {})
    purposes = features[:, model.plan.names.index("purpose")].tolist()

    assert set(purposes) == {"car", "home", "study", ""}
    assert "Nowhere" in features[:, model.plan.names.index("city")].tolist()


def test_reasons_replace_a_text_by_its_usual_one(tmp_path: Path) -> None:
    """A reason's value is the text itself, None where it is missing; whole numbers without a reference are 0."""
    model, features = _loans(tmp_path, {"purpose": "home", "amount": 2.5})
    place = model.plan.names.index("purpose")
    given = explain(model.session, model.plan, model.manifest, features)

    by_text: dict[str, set[str]] = {}
    for purpose, reasons in zip(features[:, place].tolist(), given, strict=True):
        found = {reason["feature"]: reason for reason in reasons}
        by_text.setdefault(purpose, set()).update(found)
        if "purpose" in found:
            assert found["purpose"]["values"] == {"purpose": purpose}
    assert "purpose" in by_text["car"]
    assert "purpose" not in by_text["home"] | by_text[""]
    with_zero = model.manifest.model_copy(
        update={"references": model.manifest.references | {"months": 0.0, "is_new": 0.0}}
    )
    assert given == explain(model.session, model.plan, with_zero, features)
    assert any(reason["feature"] == "months" for reasons in given for reason in reasons)


@pytest.mark.parametrize("references", [{"purpose": 3.0}, {"amount": "much"}])
def test_a_usual_value_of_another_type_is_refused(references: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(Stop, match=r"manifest's references are not those of the contract: \w+ has a value of another"):
        _loans(tmp_path, references)


def test_a_row_at_fault_is_found_among_texts(tmp_path: Path) -> None:
    """Features with texts are sliced and asked again like any others."""
    model, features = _loans(tmp_path, {})
    features[3, model.plan.names.index("city")] = "\ud800"  # no UTF-8 has it; the decoder lets none pass

    found = ask_bisecting(lambda rows: model.score(rows).tolist(), features, np.nan)

    assert np.flatnonzero(np.isnan(found)).tolist() == [3]


WHOLE = '{ type = "integer", required = true, min = 0, max = 1e12 }'
BIG: Records = [{"first": 2.0**24 + step} for step in range(4)]


def _odd(kind: int) -> Form:
    """Whether a number is odd; float32 has no odd ones from sixteen million on."""
    nodes = [
        node("Cast", ["first"], ["whole"], to=LABEL),
        node("Mod", ["whole", "two"], ["odd"]),
        node("Cast", ["odd"], ["probability"], to=FLOAT),
    ]
    content = graph(nodes, {"first": (kind, [None, 1])}, {"probability": (FLOAT, [None, 1])}, {"two": np.int64(2)})
    return Form(content, BIG, [0, 1, 0, 1], COLUMNS, {"first": WHOLE})


@pytest.mark.parametrize("kind", [DOUBLE, LABEL])
def test_no_digit_is_lost_on_the_way_to_a_double_or_a_whole_number(kind: int, tmp_path: Path) -> None:
    form = _odd(kind)
    model = load_model(write_form(tmp_path, form))

    assert model.score(model.features(decode_golden(model.decoder, BIG))).tolist() == form.predictions


def test_a_shadow_of_the_same_contract_gets_features_of_its_own_type(tmp_path: Path) -> None:
    """Those of the model in use have fewer digits."""
    published: list[Any] = []
    model, other = (load_model(write_form(tmp_path / str(kind), _odd(kind))) for kind in (FLOAT, LABEL))
    columns = decode_golden(model.decoder, BIG)
    features = model.features(columns)
    scores = model.score(features)
    shadow = Shadow(published.append, publish_seconds=3_600)
    shadow.stage(other)
    shadow.compare(ScoredBatch(Batch([]), columns, features, scores, model.flag(scores), model))
    shadow.close()

    tally = orjson.loads(published[0]["value"])["tally"]
    assert (tally["scored"], tally["only_shadow"]) == (4, 2)


def test_a_derived_number_has_an_input_of_its_own_too(tmp_path: Path) -> None:
    """Beside texts and fields: any feature is matched by its name."""
    form = _flat({"late": LABEL, "city": TEXT}, {"late": INTEGER, "city": '"text"'})
    derived = '[derived]\nis_late = { above = "late", limit = 3 }\n[features]\nlate = "is_late"'
    text = form.contract().replace('[features]\nlate = "late"', derived)
    contract = to_contract(tomllib.loads(text))

    session = open_session(form.content, compile_features(contract))

    assert [(one.name, one.place) for one in session.inputs] == [("late", 0), ("city", 1)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.object_])
def test_a_number_that_float32_cannot_hold_is_missing_whatever_the_type(dtype: Any) -> None:
    """A model gives the same answer whether it takes floats or doubles."""
    contract = to_contract({"format": 1, "name": "a", "fields": {"first": "number"}, "features": {"first": "first"}})
    columns = Columns([""] * 3, np.arange(3), np.zeros(3, np.int64), {"first": np.array([1e39, -1e39, 1e38])}, {})

    features = compile_features(contract).to_features(columns, dtype).astype(np.float32)

    assert np.isnan(features[:, 0]).tolist() == [True, True, False]


def _exported(labels: Any, model: str = "", **options: Any) -> Form:
    content, probabilities = logistic(labels, **options)
    return of_numbers(content, probabilities[:, 0], model)


def _flat(types: dict[str, int], fields: dict[str, str], shape: Any = None) -> Form:
    """One input a column; the answer is one half."""
    nodes = [node("Identity", ["half"], ["probability"])]
    content = graph(
        nodes, {name: (kind, shape or [None, 1]) for name, kind in types.items()},
        {"probability": (FLOAT, [None, 1])}, {"half": np.array([[0.5]], np.float32)},
    )  # fmt: skip
    return Form(content, [{}], [0.5], COLUMNS, fields)


def _label_alone() -> Form:
    nodes = [node("ArgMax", ["features"], ["label"], axis=1, keepdims=0)]
    return of_numbers(graph(nodes, {"features": (FLOAT, [None, 3])}, {"label": (LABEL, [None])}, {}), [0])


def _label_last() -> Form:
    nodes = [node("Sigmoid", ["features"], ["scores"]), node("ArgMax", ["features"], ["label"], axis=1, keepdims=0)]
    outputs: dict[str, tuple[int, list[Any]]] = {"scores": (FLOAT, [None, 3]), "label": (LABEL, [None])}
    return of_numbers(graph(nodes, {"features": (FLOAT, [None, 3])}, outputs, {}), [0])


def _three_unnamed(model: str = "") -> Form:
    nodes = [node("Softmax", ["features"], ["probabilities"])]
    content = graph(nodes, {"features": (FLOAT, [None, 3])}, {"probabilities": (FLOAT, [None, 3])}, {})
    return of_numbers(content, [0], model)


def _stamped(opset: int, ir_version: int = 9, operator: str = "Sigmoid") -> Form:
    nodes = [node(operator, ["features"], ["probability"])]
    inputs, outputs = {"features": (FLOAT, [None, 3])}, {"probability": (FLOAT, [None, 3])}
    return of_numbers(graph(nodes, inputs, outputs, {}, opset, ir_version), [0])


INTEGER = '{ type = "integer", required = true }'
REFUSED: dict[str, tuple[Callable[[], Form], str]] = {
    "external data": (
        lambda: of_numbers((MADE / "torch_external.onnx").read_bytes(), [0]),
        r"keeps numbers in another file, which no hash covers: .*external_data=False",
    ),
    "inputs a column, read as a matrix": (
        lambda: replace(FORMS["skl2onnx, an input a column"](), model=""),
        r'features\.purpose: purpose is of the type text, a number is needed, or model\.input = "columns"',
    ),
    "a matrix, read as columns": (
        lambda: _exported(FRAUDS, COLUMNS, **PLAIN),
        r"takes the input features, and features of contract\.toml has none of this name",
    ),
    "several inputs": (
        lambda: replace(_flat(dict.fromkeys(NUMBERS, FLOAT), dict.fromkeys(NUMBERS, NUMBER)), model=""),
        r'takes 3 inputs \(first, second, third\), it must take one of all features, or write model\.input = "columns"',
    ),
    "a feature that no input takes": (
        lambda: _flat({"first": FLOAT}, dict.fromkeys(NUMBERS, NUMBER)),
        r"has no input for features\.second of contract\.toml, it takes first",
    ),
    "another number of features": (
        lambda: Form(logistic(FRAUDS, **PLAIN)[0], [{}], [0.5], "", {"first": NUMBER}),
        r"takes 3 features, its contract has 1",
    ),
    "whole numbers as a matrix": (
        lambda: _exported(FRAUDS, kind=Int64TensorType, **PLAIN),
        r"takes tensor\(int64\), it must take tensor\(float\) or tensor\(double\); export: .*FloatTensorType",
    ),
    "two features an input": (
        lambda: _flat({"first": FLOAT}, {"first": NUMBER}, [None, 2]),
        r"the input first has the shape \[None, 2\], one feature is \[n, 1\] or \[n\]",
    ),
    "a type that no field has": (
        lambda: _flat({"first": 2}, {"first": NUMBER}),
        r"the input first takes tensor\(uint8\), it must take one of tensor\(float\), .*tensor\(string\)",
    ),
    "a text in a number's input": (
        lambda: _flat({"city": FLOAT}, {"city": '"text"'}),
        r"the input city takes tensor\(float\), and features\.city is a text",
    ),
    "a number in a text's input": (
        lambda: _flat({"first": TEXT}, {"first": NUMBER}),
        r"the input first takes tensor\(string\), and features\.first is a number",
    ),
    "a whole number that may be missing": (
        lambda: _flat({"first": LABEL}, {"first": '"integer"'}),
        r"the input first takes tensor\(int64\), and features\.first may be missing: make its fields required",
    ),
    "a whole number that may have decimals": (
        lambda: _flat({"first": LABEL}, {"first": NUMBER}),
        r"takes tensor\(int64\), and features\.first is a field of the type number: make it an integer",
    ),
    "a batch of 32": (
        lambda: _exported(FRAUDS, rows=32, **PLAIN),
        r"takes batches of exactly 32: .*free one, or of 1: torch\.onnx\.export\(…, dynamic_axes",
    ),
    "a label alone": (_label_alone, r"the last output, label, is tensor\(int64\) \(a label, .*: export predict_proba"),
    "a label last": (_label_last, r'the last output, label, is .*: write model\.output = "scores" in contract\.toml'),
    "an output that is not there": (
        lambda: _exported(FRAUDS, 'output = "risk"', **PLAIN),
        r"contract\.toml: model\.output: .* has no output risk, it has label, probabilities",
    ),
    "a label by name": (
        lambda: _exported(FRAUDS, 'output = "label"', **PLAIN),
        r"the output, label, is tensor\(int64\) \(a label, not a probability\)",
    ),
    "three classes": (
        lambda: _exported(kinds(), **PLAIN),
        r"has the classes 'chargeback', 'ok', 'stolen'; model\.positive of contract\.toml: must say which",
    ),
    "three classes in maps": (lambda: _exported(kinds()), r"has the classes 'chargeback', .*must say which"),
    "text labels": (lambda: _exported(WORDS, **PLAIN), r"has the classes 'fraud', 'legit'; .*must say which"),
    "a class that is not there": (
        lambda: _exported(WORDS, 'positive = "thief"', **PLAIN),
        r"has the classes 'fraud', 'legit'; model\.positive of contract\.toml: must be one of them",
    ),
    "a class that is not in the maps": (
        lambda: _exported(FRAUDS, "positive = 2"),
        r"has the classes 0, 1; .*one of them",
    ),
    "columns without names": (_three_unnamed, r"probabilities has 3 columns; .*must say which"),
    "a text for columns without names": (
        lambda: _three_unnamed('positive = "stolen"'),
        r"has 3 columns, and the graph does not name their classes; .*place of the fraud's, from 0",
    ),
    "a place beyond the columns": (lambda: _three_unnamed("positive = 3"), r"has 3 columns, .*from 0"),
    "a class of a single number": (
        lambda: replace(FORMS["skl2onnx, regression"](), model="positive = 0"),
        r"is one number a row, the probability itself; model\.positive of contract\.toml: leave it out",
    ),
    "a newer opset": (
        lambda: _stamped(99),
        r"is of opset 99 of ai\.onnx, and ONNX Runtime [\d.]+ knows ai\.onnx up to opset (\d+): .*target_opset=\1 or",
    ),
    "a newer format": (
        lambda: _stamped(17, 99),
        r"is of ONNX IR version 99, ONNX Runtime [\d.]+ reads up to \d+: export it with an older onnx",
    ),
    "an older opset": (lambda: _stamped(1, 3), r"uses Sigmoid of opset 1, which ONNX Runtime [\d.]+ does not have"),
    "no ONNX file": (lambda: of_numbers(b"PK\x03\x04", [0]), r"cannot be loaded by ONNX Runtime"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_served_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    """It says what was found, and what would be accepted; not in Python's words."""
    make, message = REFUSED[case]
    form = make()

    with pytest.raises(Stop, match=message) as found:
        load_model(write_untried(tmp_path, form))

    assert "\n" not in str(found.value)


def test_a_regression_beyond_a_probability_is_refused(tmp_path: Path) -> None:
    """On what transactions may hold, the golden rows among it."""
    nodes = [node("ReduceSum", ["features", "axis"], ["score"], keepdims=1)]
    content = graph(nodes, {"features": (FLOAT, [None, 3])}, {"score": (FLOAT, [None, 1])}, {"axis": np.array([1])})
    form = of_numbers(content, data()[0][:20].sum(axis=1) / 3)

    with pytest.raises(Stop, match=r"no probability in \[0, 1\]"):
        load_model(write_form(tmp_path, form))


def test_labels_are_read_from_the_graph() -> None:
    """In the order of the columns; of several lists the last one that fits, negative and many-byte numbers too."""
    numbers = node("ZipMap", ["a"], ["b"], domain="ai.onnx.ml", classlabels_int64s=[-1, 0, 300, 2**40])
    texts = node("ZipMap", ["b"], ["c"], domain="ai.onnx.ml", classlabels_strings=["да", "no"])
    content = helper.make_model(helper.make_graph([numbers, texts], "g", [], [])).SerializeToString()

    assert class_labels(content, None) == ("да", "no")
    assert class_labels(content, 4) == (-1, 0, 300, 2**40)
    assert class_labels(content, 3) == ()
    assert class_labels(b"", None) == ()


def _session(content: bytes) -> OnnxSession:
    contract = to_contract(
        {"format": 1, "name": "a", "fields": dict.fromkeys(NUMBERS, "number"), "features": {n: n for n in NUMBERS}}
    )
    return open_session(content, compile_features(contract))


def test_one_float_matrix_is_handed_over_as_it_is() -> None:
    """The usual form costs no copy."""
    session = _session(logistic(FRAUDS, kind=FloatTensorType, **PLAIN)[0])
    features = data()[0][:10]

    assert session.dtype is np.float32
    assert session.inputs[0].take(features) is features
