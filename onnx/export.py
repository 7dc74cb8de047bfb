"""Trees to files: ONNX model, contract, manifest, the figures in the card. Knows nothing of how trees are trained.

The graph takes `features`, float [None, k], and gives the probability of fraud, float [None, 1], or [None, 2] with
fraud last: no label (its static shape is wrong in onnxmltools' output and warns at every run), no ZipMap (a dictionary
a row).
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import early_exit
import lightgbm
import numpy as np
import orjson
from measures import ALERTS_A_DAY, CARDS_A_DAY, FALSE_POSITIVE_RATES
from numpy.typing import NDArray
from onnx.checker import check_model
from onnx.helper import make_graph, make_model, make_opsetid, make_tensor_value_info
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType as SklearnFloats

from onnx import TensorProto
from services.common.contract.load import read_contract
from services.common.contract.model import CONTRACT_NAME
from services.common.errors import Stop
from services.common.manifest import CURVE_NAME, Calibration, GoldenRow, Manifest, write_manifest
from services.scorer.decode import Decoder
from services.scorer.explain import as_written
from services.scorer.features import FeaturePlan
from services.scorer.models.load import decode_golden, load_model
from services.scorer.models.session import OnnxSession, open_session
from services.scorer.score import probabilities

MODEL_NAME = "fraud.onnx"
CARD_NAME = "MODEL_CARD.md"
OPSETS = {"": 15, "ai.onnx.ml": 3}
IR_VERSION = 8
TOLERANCE = 1e-5

Trees = Any
"""A booster of LightGBM, or a classifier of scikit-learn that skl2onnx converts."""

FIGURES_BEGIN, FIGURES_END = "<!-- figures: written by train.py -->", "<!-- end of figures -->"

TITLES = {
    "unseen_customers": "customers never seen, whole stream",
    "unseen_customers_later": "customers never seen, later time",
    "unseen_customers_no_history": "customers never seen, no history",
    "known_after_all_others": "known customers: a quarter of the transactions, all others as history",
    "known_alone": "known customers: the same quarter alone",
    "known_no_history": "known customers, no history",
    "known_first_payment": "known customers, each transaction the first",
}
"""The situations, as the card calls them."""

RANKING = ("average_precision", "roc_auc", *(f"recall_at_fpr_{rate}" for rate in FALSE_POSITIVE_RATES))
AT_THRESHOLD = ("f1", "precision", "recall", "best_f1", "rows", "frauds")

_TRANSACTION = {
    "transaction_time": "2020-06-17 14:05", "merch": "fraud_Invented and Sons", "cat_id": "grocery_pos",
    "amount": 104.5, "name_1": "Ada", "name_2": "Example", "gender": "F", "street": "1 Test Lane",
    "one_city": "Nowhere", "us_state": "TX", "post_code": 12345, "lat": 32.1, "lon": -99.2, "population_city": 5_000,
    "jobs": "Tester", "merchant_lat": 32.4, "merchant_lon": -98.9,
}  # fmt: skip

GOLDEN_TRANSACTIONS: list[Mapping[str, Any]] = [
    _TRANSACTION | changes
    for changes in (
        {},
        {"cat_id": "gas_transport", "amount": 62.0, "transaction_time": "2020-06-15 08:30", "gender": "M"},
        {"cat_id": "travel", "amount": 2_500.0},
        {"cat_id": "home", "amount": 0.01, "population_city": 120},
        {"cat_id": "shopping_net", "amount": 990.0, "transaction_time": "2020-06-17 23:10"},
        {"cat_id": "shopping_net", "amount": 990.0, "transaction_time": "2020-06-17 23:10:59", "gender": "M"},
        {"cat_id": "grocery_pos", "amount": 311.25, "transaction_time": "2020-06-20 01:44", "population_city": 900},
        {"cat_id": "misc_net", "amount": 805.1, "transaction_time": "2020-06-21 22:00", "gender": "M"},
        {"cat_id": "gas_transport", "amount": 12.0, "transaction_time": "2020-06-19 03:59"},
        {"cat_id": "shopping_pos", "amount": 880.0, "transaction_time": "2020-02-29 23:59", "population_city": None},
        {"cat_id": "shopping_pos", "amount": 72.3, "population_city": None, "gender": None},
        {"cat_id": "entertainment", "amount": 495.0, "transaction_time": "2020-06-18 00:00", "gender": "X"},
        {"cat_id": "no_such_category", "amount": 60.0},
        {"cat_id": "no_such_category", "amount": 990.0, "transaction_time": "2020-06-17 23:10"},
        {"cat_id": "kids_pets", "amount": -18.0, "population_city": 2_500},
        {"cat_id": "personal_care", "amount": 1e9, "population_city": 2_501},
    )
]
"""Invented transactions: legitimate and fraudulent in kind, with missing values, at the edges of what is valid."""


def export(
    trees: Trees,
    sample: NDArray[np.float32],
    plan: FeaturePlan,
    contract: bytes,
    threshold: float,
    references: dict[str, float | None],
    figures: dict[str, Any],
    calibration: Calibration | None,
    card: Path,
    out: Path,
) -> Manifest:
    """Write the artifact and return its manifest, once the scorer has accepted what was written.

    Args:
        trees: what was trained.
        sample: features to compare ONNX Runtime with the trees on, float32 [n, k].
        plan: the features, with the tables to write.
        contract: the contract file.
        threshold: fraud_flag = 1 where score >= threshold.
        references: feature -> its usual value, which reasons compare with.
        figures: how good the model is.
        calibration: makes probabilities of the scores.
        card: the model card whose figures are brought up to date; the result goes to `out` too.
        out: the folder to write to; made if there is none.

    Raises:
        Stop: ONNX Runtime scores otherwise than the trees, or the scorer refuses the artifact.
    """
    content = to_onnx(trees, len(plan.names))
    session = open_session(content, plan)
    difference = float(np.abs(probabilities(session, sample) - predict(trees, sample)).max())
    if difference > TOLERANCE:
        raise Stop(f"ONNX Runtime and the trees differ by {difference:.2g}, allowed {TOLERANCE:.0e}")
    text = card.read_text(encoding="utf-8")
    out.mkdir(parents=True, exist_ok=True)
    (out / CONTRACT_NAME).write_bytes(contract)
    for name, table in plan.contract.tables.items():
        (out / name).write_text(json.dumps(table.model_dump(exclude_defaults=True)) + "\n", encoding="utf-8")
    contract_sha256 = read_contract(out).sha256
    manifest = Manifest(
        version=version_of(family_of(trees), content, contract_sha256, threshold),
        model_file=MODEL_NAME,
        sha256=hashlib.sha256(content).hexdigest(),
        threshold=threshold,
        contract_sha256=contract_sha256,
        references=references,
        calibration=calibration,
        figures=figures | {"onnx": {"rows_compared": len(sample), "largest_difference": float(f"{difference:.1e}")}},
        golden=golden_rows(session, plan),
    )
    (out / MODEL_NAME).write_bytes(content)
    write_manifest(out, manifest)
    (out / CARD_NAME).write_text(with_figures(text, manifest), encoding="utf-8")
    return load_model(out).manifest


def write_curve(out: Path, version: str, curve: dict[str, Any]) -> None:
    """Write the curve of thresholds beside the manifest of the version it belongs to; the page shows it."""
    (out / CURVE_NAME).write_bytes(orjson.dumps({"version": version} | curve) + b"\n")


def predict(trees: Trees, features: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the probability of fraud, float64 [n], by the library that trained the trees."""
    if isinstance(trees, lightgbm.Booster):
        return early_exit.predict(trees, features)
    return np.asarray(trees.predict_proba(features), np.float64)[:, 1]


def family_of(trees: Trees) -> str:
    """Return the first part of a version: what kind of model it is."""
    return "lgbm" if isinstance(trees, lightgbm.Booster) else "sklearn"


def to_onnx(trees: Trees, width: int) -> bytes:
    """Return an ONNX model that gives the probability of fraud. The same trees give the same bytes."""
    nodes, inputs, output, constants = (
        _from_lightgbm(trees, width) if isinstance(trees, lightgbm.Booster) else _from_sklearn(trees, width)
    )
    graph = make_graph(nodes, "fraud", inputs, [output], constants)
    opsets = [make_opsetid(domain, version) for domain, version in OPSETS.items()]
    model = make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="fraud-scoring")
    check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def _from_lightgbm(booster: lightgbm.Booster, width: int) -> tuple[list[Any], Any, Any, Any]:
    """Return nodes, inputs, output and constants; most transactions leave the trees early.

    onnxmltools puts the trees in the first node; those after it make a label and multiply by one.
    """
    inputs = [("features", FloatTensorType([None, width]))]
    converted = convert_lightgbm(booster, "fraud", inputs, target_opset=OPSETS[""], zipmap=False).graph
    nodes, constants = early_exit.to_nodes(converted.node[0], "features")
    optional = [
        make_tensor_value_info(c.name, c.data_type, c.dims) for c in constants if c.name == early_exit.THRESHOLD
    ]
    output = make_tensor_value_info(early_exit.OUTPUT, TensorProto.FLOAT, [None, 1])
    return nodes, [*converted.input, *optional], output, constants


def _from_sklearn(classifier: Any, width: int) -> tuple[list[Any], Any, Any, Any]:
    """Return nodes, inputs, output and constants of any classifier of scikit-learn, without what makes a label."""
    inputs = [("features", SklearnFloats([None, width]))]
    converted = convert_sklearn(classifier, "fraud", inputs, target_opset=OPSETS, options={"zipmap": False}).graph
    output = converted.output[-1]
    wanted, nodes = {output.name}, []
    for node in reversed(converted.node):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            nodes.append(node)
    constants = [constant for constant in converted.initializer if constant.name in wanted]
    return nodes[::-1], converted.input, output, constants


def golden_rows(session: OnnxSession, plan: FeaturePlan) -> tuple[GoldenRow, ...]:
    """Return the golden transactions with the features the scorer's code makes of them, and their scores."""
    features = plan.to_features(decode_golden(Decoder(plan.contract, plan.fields), GOLDEN_TRANSACTIONS))
    scored = zip(GOLDEN_TRANSACTIONS, as_written(features), probabilities(session, features), strict=True)
    return tuple(
        GoldenRow(transaction=dict(transaction), features=tuple(row), score=round(float(score), 8))
        for transaction, row, score in scored
    )


def version_of(family: str, content: bytes, contract_sha256: str, threshold: float) -> str:
    """Return a name that changes whenever a score or a flag could: a hash of all that decides them."""
    digest = hashlib.sha256(content + contract_sha256.encode() + str(threshold).encode())
    return f"{family}-{digest.hexdigest()[:12]}"


def with_figures(card: str, manifest: Manifest) -> str:
    """Return a model card with the figures of a manifest between its two marks.

    Raises:
        Stop: the card lacks the marks.
    """
    before, begin, rest = card.partition(FIGURES_BEGIN)
    _, end, after = rest.partition(FIGURES_END)
    if not (begin and end):
        raise Stop(f"the model card lacks the marks {FIGURES_BEGIN} and {FIGURES_END}")
    return f"{before}{begin}\n{figures_table(manifest)}\n{end}{after}"


def figures_table(manifest: Manifest) -> str:
    """Return the figures as tables in Markdown."""
    found, features = manifest.figures, ", ".join(manifest.references)
    judged = [(title, found[key]) for key, title in TITLES.items()]
    return "\n".join(
        [
            f"Version `{manifest.version}`, threshold {manifest.threshold}, features: {features}.",
            *_table(
                ("judged on", "AP", "ROC-AUC", *(f"recall at FPR {rate * 100:g} %" for rate in FALSE_POSITIVE_RATES)),
                [(title, *(_with_interval(one, name) for name in RANKING)) for title, one in judged],
            ),
            *_table(
                ("judged on", "F1", "precision", "recall", "best F1", "rows", "frauds"),
                [(title, *(_figure(one[name]) for name in AT_THRESHOLD)) for title, one in judged],
            ),
            *_table(
                ("judged on", f"card precision at {CARDS_A_DAY}", "highest possible", "compromised customers found",
                 f"value at {ALERTS_A_DAY}", "of all frauds' value"),
                [(title, *_daily(one)) for title, one in judged],
            ),
            *(line for title, bins in _calibrations(found["unseen_customers"]) for line in _table(
                (f"{title}, customers never seen", "from", "rows", "frauds", "mean", "share of frauds", "mean within"),
                _calibration(bins),
            )),
        ]
    )  # fmt: skip


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [heads, ["---"] * len(heads), *rows]
    return ["", *(f"| {' | '.join(line)} |" for line in lines)]


def _daily(found: Mapping[str, Any]) -> list[str]:
    cards, value = found[f"cards_at_{CARDS_A_DAY}"], found[f"value_at_{ALERTS_A_DAY}"]
    return [
        f"{cards['card_precision']:.4f}",
        f"{cards['highest_possible']:.4f}",
        f"{cards['found']} of {cards['compromised']}",
        f"{value['caught_amount']:,.0f}",
        _with_interval(value, "share"),
    ]


def _calibrations(found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "scores as probabilities", found["calibration"]
    if found["calibrated"]:
        yield "calibrated by the other half of these customers", found["calibrated"]


def _calibration(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[list[str]]:
    return [
        [
            f"{title} {number}",
            f"{row['from']:.2g}",
            f"{row['rows']:,}",
            f"{row['frauds']:,}",
            f"{row['mean_score']:.2g}",
            f"{row['share']:.2g} ({row['interval'][0]:.2g} to {row['interval'][1]:.2g})",
            "yes" if row["within"] else "**no**",
        ]
        for title, kind in (("decile", "by_rank"), ("tenth of the scale", "by_score"))
        for number, row in enumerate(found[kind], 1)
    ]


def _with_interval(found: Mapping[str, Any], name: str) -> str:
    low, high = found[f"{name}_interval"]
    digits = 4 if name == "roc_auc" else 3
    return f"{found[name]:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _figure(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"
