"""Training turns a labelled file into an artifact that the scorer takes, the same one every time."""

import csv
import importlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from services.common.errors import Stop
from services.scorer.compile import compile_features
from services.scorer.decode import Columns, Decoder
from services.scorer.models.load import load_model
from tests.support.contracts import FIELDS, SHIPPED, cards, cards_plan, contract, past_features
from tests.support.messages import TRANSACTION

ROOT = Path(__file__).resolve().parents[2]
ARTIFACT = ("fraud.onnx", "contract.toml", "risk.json", "manifest.json", "curve.json", "MODEL_CARD.md")


def train(data: Path, out: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "onnx/train.py"), str(data), "--out", str(out), "--trees", "10", *arguments]
    patient = os.environ | {"OMP_WAIT_POLICY": "passive"}  # beside other work, spinning threads take five times as long
    return subprocess.run(command, cwd=out.parent, env=patient, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20,000 transactions with their outcomes, shuffled."""
    path = tmp_path_factory.mktemp("data") / "labelled.csv"
    options = ["--rows", "20000", "--seed", "3", "--labels", "--shuffle", "--out", str(path)]
    subprocess.run([sys.executable, "-m", "services.simulator", "csv", *options], cwd=ROOT, check=True)
    return path


@pytest.fixture(scope="module")
def trained(labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of those transactions."""
    out = tmp_path_factory.mktemp("trained") / "model"
    done = train(labelled, out)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The modules of onnx/ can be imported as train.py imports them."""
    monkeypatch.syspath_prepend(str(ROOT / "onnx"))


@pytest.fixture
def dataset(scripts: None) -> ModuleType:
    """onnx/dataset.py."""
    return importlib.import_module("dataset")


def test_a_retrained_model_is_accepted_by_the_scorer_and_ranks_frauds_first(trained: Path, labelled: Path) -> None:
    """The artifact of any labelled file is complete: model, contract, table, manifest, golden rows, figures, card."""
    model = load_model(trained)
    with labelled.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    transactions = [
        row | {"amount": float(row["amount"]), "population_city": int(row["population_city"])} for row in rows
    ]
    needed = ("transaction_time", "cat_id", "amount", "population_city", "gender")
    values = [json.dumps({field: transaction[field] for field in needed}).encode() for transaction in transactions]
    scores = model.score(model.features(model.decoder.decode(values, str)[0]))
    frauds = np.array([row["target"] == "1" for row in rows])
    assert scores[frauds].mean() > 20 * scores[~frauds].mean()
    assert f"`{model.manifest.version}`" in (trained / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert 0 < model.manifest.figures["unseen_customers"]["rows"] < len(rows)


def test_the_shipped_card_has_the_figures_of_the_shipped_manifest(scripts: None) -> None:
    """In its tables: ranking, threshold, the day's first, calibration; intervals around what they are of."""
    card, manifest = (SHIPPED / "MODEL_CARD.md").read_text(encoding="utf-8"), load_model(SHIPPED).manifest
    assert importlib.import_module("export").with_figures(card, manifest) == card
    for figures in (one for name, one in manifest.figures.items() if name != "onnx"):
        for name in ("average_precision", "roc_auc", "recall_at_fpr_0.001", "recall_at_fpr_0.01"):
            low, high = figures[f"{name}_interval"]
            assert low <= figures[name] <= high


@pytest.mark.slow
def test_the_same_data_gives_the_same_bytes(trained: Path, labelled: Path, tmp_path: Path) -> None:
    """Whoever doubts the shipped model can train it again and compare hashes."""
    again = tmp_path / "again"
    assert train(labelled, again).returncode == 0
    assert [(again / name).read_bytes() for name in ARTIFACT] == [(trained / name).read_bytes() for name in ARTIFACT]


def test_the_curve_of_thresholds_is_written_by_training_and_by_a_command_of_its_own(
    trained: Path, labelled: Path, scripts: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both give the same; at the threshold the curve has the manifest's figures; other parameters are refused."""
    written = (trained / "curve.json").read_bytes()
    model = load_model(trained).manifest
    curve, figures = json.loads(written), model.figures["unseen_customers"]
    place = curve["thresholds"].index(model.threshold)
    assert (curve["version"], curve["payments"], curve["frauds"]) == (
        model.version, figures["rows"], figures["frauds"],
    )  # fmt: skip
    assert round(curve["caught"][place] / curve["frauds"], 4) == figures["recall"]
    assert round(curve["caught"][place] / curve["alerts"][place], 4) == figures["precision"]

    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    (copy / "curve.json").unlink()
    command = importlib.import_module("curve")
    assert command.main([str(labelled), "--model", str(copy), "--trees", "1"]) == 1
    assert "other data or parameters" in capsys.readouterr().err
    assert not (copy / "curve.json").exists()
    assert command.main([str(labelled), "--model", str(copy), "--trees", "10"]) == 0
    assert (copy / "curve.json").read_bytes() == written


def test_references_are_written_by_training_and_by_a_command_of_its_own(
    trained: Path, labelled: Path, scripts: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both give the same manifest, the ONNX file is left alone; data that the model was not trained on is refused."""
    written = (trained / "manifest.json").read_bytes()
    manifest = load_model(trained).manifest
    assert list(manifest.references) == list(load_model(trained).plan.names)
    assert manifest.references["count_1h"] == 0.0
    copy, other = tmp_path / "copy", tmp_path / "other.csv"
    shutil.copytree(trained, copy)
    (copy / "manifest.json").write_bytes(json.dumps(json.loads(written) | {"references": {}}).encode())
    pd.read_csv(labelled, nrows=10_000).to_csv(other, index=False)
    command = importlib.import_module("references")

    assert command.main([str(other), "--model", str(copy)]) == 1
    assert "other risks" in capsys.readouterr().err
    assert load_model(copy).manifest.references == {}
    assert command.main([str(labelled), "--model", str(copy)]) == 0
    assert (copy / "manifest.json").read_bytes() == written
    assert (copy / "fraud.onnx").read_bytes() == (trained / "fraud.onnx").read_bytes()


def test_a_file_without_a_needed_column_writes_nothing(
    labelled: Path, tmp_path: Path, scripts: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says what is missing, exits with 1 and leaves no half artifact."""
    data, out = tmp_path / "spoilt.csv", tmp_path / "model"
    pd.read_csv(labelled, nrows=50).drop(columns="target").to_csv(data, index=False)
    code = importlib.import_module("train").main([str(data), "--out", str(out)])
    assert (code, "lacks the columns target" in capsys.readouterr().err, out.exists()) == (1, True, False)


def test_labels_are_trained_on_beside_the_data(
    trained: Path, labelled: Path, scripts: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Frauds alone are enough; the risks that the model knows are those of both files."""
    labels, out = tmp_path / "labels.csv", tmp_path / "model"
    rows = [TRANSACTION | {"cat_id": "travel", "name_1": None, "target": 1} for _ in range(300)]
    pd.DataFrame(rows)[[*FIELDS, "target"]].to_csv(labels, index=False)
    command = [str(labelled), "--labels", str(labels), "--out", str(out), "--trees", "10"]

    assert importlib.import_module("train").main(command) == 0
    frauds = pd.read_csv(labelled)["target"].sum()
    assert f"20300 transactions, {frauds + 300} frauds" in capsys.readouterr().out
    risks = [load_model(folder).plan.contract.tables["risk.json"].values for folder in (trained, out)]
    assert max(after - before for before, after in zip(*risks, strict=True)) > 0.5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"target": 2}, "row 2: the column target must hold 0 or 1"),
        ({"target": None}, "row 2: the column target must hold 0 or 1"),
        ({"amount": "much"}, "row 2, column amount: cannot be scored: bad_type"),
        ({"transaction_time": None}, "row 2, column transaction_time: cannot be scored: missing_field"),
    ],
)
def test_a_label_that_cannot_be_used_is_named(
    change: dict[str, Any], said: str, dataset: ModuleType, tmp_path: Path
) -> None:
    """By file, row and column; the row is that of the file."""
    labels = tmp_path / "labels.csv"
    rows = [TRANSACTION | {"target": 1}, TRANSACTION | {"target": 0} | change, TRANSACTION | {"target": 1}]
    pd.DataFrame(rows).to_csv(labels, index=False)
    with pytest.raises(Stop, match=re.escape(f"labels.csv, {said}")):
        dataset.with_labels(pd.DataFrame(rows), labels, cards())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"amount,target\n1,1\n", "lacks the columns transaction_time, merch"),
        (b"", "cannot be read: "),
        (b'amount,target\n"1,1\n', "cannot be read: "),
        (b"\xff\n", "cannot be read: "),
    ],
)
def test_a_file_of_labels_in_another_form_is_refused(
    content: bytes, said: str, dataset: ModuleType, tmp_path: Path
) -> None:
    """With its name; what is no Parquet file likewise."""
    labels = tmp_path / "labels.csv"
    labels.write_bytes(content)
    with pytest.raises(Stop, match=f"labels.csv {said}"):
        dataset.with_labels(pd.DataFrame(), labels, cards())
    labels = labels.rename(tmp_path / "labels.parquet")
    with pytest.raises(Stop, match=r"labels.parquet cannot be read: "):
        dataset.with_labels(pd.DataFrame(), labels, cards())


@pytest.mark.parametrize("more", [0, 2])
def test_labels_are_the_same_transactions_as_those_of_the_data(more: int, dataset: ModuleType, tmp_path: Path) -> None:
    """Whatever type a column is read as beside blanks; a file without rows adds none; a further column is left out."""
    data, labels = tmp_path / "data.parquet", tmp_path / "labels.csv"
    pd.DataFrame([TRANSACTION | {"target": 0, "fold": 1}, TRANSACTION | {"target": 1, "fold": 2}]).to_parquet(data)
    blank = dict.fromkeys(("name_1", "name_2", "street", "population_city", "gender"))
    rows = [TRANSACTION | blank | {"target": 1}] * more
    pd.DataFrame(rows, columns=[*FIELDS, "target"]).to_csv(labels, index=False)

    found = dataset.with_labels(dataset.read_transactions(data, cards()), labels, cards())
    both = dataset.label(found, cards())
    expected = dataset.label(pd.DataFrame([TRANSACTION | {"target": 0}, TRANSACTION | {"target": 1}, *rows]), cards())
    assert both.columns.texts == expected.columns.texts
    np.testing.assert_array_equal(both.columns.numbers["population_city"], expected.columns.numbers["population_city"])
    assert (both.frauds.tolist(), both.customers.tolist()) == (expected.frauds.tolist(), expected.customers.tolist())
    assert (both.customers == 0).sum() == more


def seen(columns: Columns, feature: str) -> list[float]:
    found: list[float] = columns.past[cards_plan().readings[past_features().index(feature)]].tolist()
    return found


def test_a_payment_sees_what_its_customer_paid_before_and_nobody_elses(dataset: ModuleType) -> None:
    """Rows are put in order of time; the past comes from the transactions of the stream alone."""
    ada: dict[str, Any] = {"name_1": "Ada", "amount": 10.0, "transaction_time": "2020-01-01 10:00"}
    rows: list[dict[str, Any]] = [
        ada | {"amount": 40.0, "transaction_time": "2020-01-01 10:20"},
        ada,
        {"name_1": "Bob", "transaction_time": "2020-01-01 10:05"},
        ada | {"amount": 30.0, "transaction_time": "2020-01-01 10:10"},
    ]
    frame = pd.DataFrame([TRANSACTION | row | {"target": 0} for row in rows])
    stream = dataset.label(frame, cards()).in_stream(cards_plan())

    assert stream.columns.numbers["amount"].tolist() == [10, TRANSACTION["amount"], 30, 40]
    assert seen(stream.columns, "count_1h") == [0, 0, 1, 2]
    assert seen(stream.columns, "sum_1h") == [0, 0, 10, 40]

    thinned = stream.take(np.array([True, True, False, True]))
    assert seen(thinned.columns, "last_amount")[-1] == 30  # taken from the stream as it was
    assert seen(thinned.in_stream(cards_plan()).columns, "last_amount")[-1] == 10  # a stream of its own


def test_who_is_not_known_has_no_past_and_a_first_payment_an_empty_one(dataset: ModuleType) -> None:
    """No name: every value is NaN. First transaction: the counts are 0."""
    frame = pd.DataFrame([TRANSACTION | {"name_1": name, "target": 0} for name in ("Ada", "Ada", None, "")])
    transactions = dataset.label(frame, cards())

    assert transactions.columns.past == {}
    assert all(np.isnan(past[2:]).all() for past in transactions.in_stream(cards_plan()).columns.past.values())
    assert seen(transactions.as_first_ones(cards_plan()).columns, "count_so_far") == [0] * 4


def test_the_model_is_taught_each_transaction_with_its_past_a_third_of_it_and_none(
    labelled: Path, dataset: ModuleType
) -> None:
    """Three lessons a transaction, the same outcomes in each; without a past: nobody's, or somebody's first one."""
    given = contract(("amount", "count_so_far"))
    data = dataset.label(dataset.read_transactions(labelled, given), given)
    features, frauds = importlib.import_module("train").lessons(data, compile_features(given))
    whole, thinned, none = np.split(features[:, 1], 3)

    assert frauds.sum() == 3 * data.frauds.sum()
    assert np.isnan(none[: len(data) // 2]).all()
    assert (none[len(data) // 2 :] == 0).all()
    assert thinned.mean() == pytest.approx(whole.mean() / 3, rel=0.1)


def test_a_frames_columns_equal_those_of_its_rows_sent_as_json(dataset: ModuleType) -> None:
    """Training and serving see the same transaction the same way, missing values and seconds included."""
    changes: list[dict[str, Any]] = [
        {},
        {"transaction_time": "2020-02-29 23:59:59", "amount": 0.01, "gender": None},
        {"population_city": math.nan, "amount": -5.5, "cat_id": "new"},
        {"merchant_lat": math.inf, "lat": None, "gender": "", "jobs": "Ñandú, keeper"},
    ]
    rows = [TRANSACTION | change for change in changes]
    decoder = Decoder(cards(), FIELDS)
    decoded, rejects = decoder.decode([json.dumps(row).encode() for row in rows], str)
    columns = dataset.to_columns(pd.DataFrame(rows), decoder)

    assert rejects == {}
    assert (columns.ids, columns.texts) == (decoded.ids, decoded.texts)
    assert columns.numbers.keys() == decoded.numbers.keys()
    np.testing.assert_array_equal(columns.rows, decoded.rows)
    np.testing.assert_array_equal(columns.seconds, decoded.seconds)
    for field, numbers in decoded.numbers.items():
        np.testing.assert_array_equal(columns.numbers[field], numbers, err_msg=field)
        assert columns.numbers[field].dtype == numbers.dtype


def test_risks_are_shares_of_frauds_by_category_night_and_amount(dataset: ModuleType) -> None:
    """Drawn to the mean where few paid; the categories are those of the contract, and one place for all others."""
    rows = [("home", "10:00", 0)] * 60 + [("home", "23:00", 1)] * 20 + [("books", "10:00", 0)] * 20
    changes = [{"cat_id": category, "transaction_time": f"2020-01-01 {time}"} for category, time, _ in rows]
    frame = pd.DataFrame([TRANSACTION | change for change in changes]).assign(target=[target for _, _, target in rows])
    given = contract(("amount", "risk_1h"), values=("home",))
    data = dataset.label(frame, given)

    [(name, table)] = dataset.with_risks(given, data).tables.items()
    risks = np.array(table.values).reshape([axis.places for axis in table.axes])
    place = np.searchsorted(table.axes[2].edges, TRANSACTION["amount"])
    steps = [0.2 * 20 / 80, (0.2 * 20 + 20) / 40, 0.2 * 20 / 40, 0.2]

    assert (name, table.axes[0].values, table.axes[1:]) == ("risk.json", ("home",), given.tables[name].axes[1:])
    assert risks[[0, 0, 1, 1], [0, 1, 0, 1], place] == pytest.approx(steps, abs=dataset.RISK_STEP / 2)


def test_a_table_is_written_in_the_form_of_the_shipped_one() -> None:
    """So that a table that is kept keeps the contract's hash."""
    [table] = cards().tables.values()
    assert json.dumps(table.model_dump(exclude_defaults=True)) + "\n" == (SHIPPED / "risk.json").read_text()


def test_a_contract_file_of_another_name_is_refused(scripts: None, capsys: pytest.CaptureFixture[str]) -> None:
    """The scorer would not find it."""
    with pytest.raises(SystemExit):
        importlib.import_module("train").main(["data.csv", "--contract", "mine.toml"])
    assert "must be called contract.toml" in capsys.readouterr().err
