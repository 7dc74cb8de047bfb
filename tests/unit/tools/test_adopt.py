"""`make adopt`: from an ONNX file and some rows to a folder that the scorer serves."""

from pathlib import Path

import numpy as np
import orjson
import pytest
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.linear_model import LogisticRegression

from services.common.contract.load import read_contract
from services.common.errors import Stop
from services.scorer.models.load import load_model
from services.tools.adopt.__main__ import adopt, main
from services.tools.adopt.sample import describe, read_sample
from tests.support.families import loans

ROWS = 200


def write_matrix(folder: Path, width: int = 2) -> Path:
    """Write a model of one matrix, as skl2onnx exports it by default: with a label, and a ZipMap."""
    random = np.random.default_rng(3)
    features = random.random((ROWS, width)).astype(np.float32)
    model = LogisticRegression().fit(features, features[:, 0] > 0.5)
    path = folder / "model.onnx"
    path.write_bytes(convert_sklearn(model, initial_types=[("x", FloatTensorType([None, width]))]).SerializeToString())
    return path


def write_rows(folder: Path, *, outcomes: bool = True, name: str = "rows.csv") -> Path:
    random = np.random.default_rng(4)
    rows = [
        {"order_id": f"o{n}", "paid": f"2024-01-{n % 28 + 1:02} 10:00", "size": float(a), "price": float(b)}
        | ({"is_fraud": int(a > 0.5)} if outcomes else {})
        for n, (a, b) in enumerate(random.random((ROWS, 2)).round(3))
    ]
    path = folder / name
    if name.endswith(".csv"):
        lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        path.write_bytes(b"\n".join(orjson.dumps({"data": row}) for row in rows) + b"\n")
    return path


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_a_matrix_and_rows_become_a_folder(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It loads, the threshold is the best by the outcomes, and what was guessed is said."""
    out = tmp_path / "mine"
    adopt(write_matrix(tmp_path), write_rows(tmp_path, name=name), out, None)

    model, said = load_model(out), capsys.readouterr().out
    assert model.plan.names == ("size", "price")
    assert (model.plan.contract.record.id, model.plan.contract.record.event_time) == ("order_id", "paid")
    assert {"is_fraud", "order_id"}.isdisjoint(model.plan.contract.fields)
    assert 0.4 < model.manifest.threshold < 0.6
    assert len(model.manifest.golden) == 16
    assert {field for row in model.manifest.golden for field in row.transaction} == {"paid", "size", "price"}
    assert model.manifest.references.keys() == {"size", "price"}
    assert "id: order_id" in said
    assert "event time: paid" in said
    assert "whether the features stand in the model's order" in said
    assert f"{ROWS} of {ROWS} rows scored" in said


def test_a_contract_that_is_there_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So that a person may mend the draft and run the command again."""
    model, rows, out = write_matrix(tmp_path), write_rows(tmp_path, outcomes=False), tmp_path / "mine"
    adopt(model, rows, out, None)
    assert load_model(out).manifest.threshold == 0.5
    contract = out / "contract.toml"
    mended = contract.read_text().replace('size = "size"', 'size = { above = "size", limit = 0.4 }')
    contract.write_text(mended)
    before = capsys.readouterr().out

    adopt(model, rows, out, 0.7)

    assert "is kept" in capsys.readouterr().out
    assert "is kept" not in before
    assert contract.read_text() == mended
    assert load_model(out).manifest.threshold == 0.7


def test_what_does_not_fit_is_said_and_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The draft stays, for a person to mend."""
    out = tmp_path / "mine"
    with pytest.raises(Stop, match="takes 3 features"):
        adopt(write_matrix(tmp_path, width=3), write_rows(tmp_path), out, None)
    assert "the model takes 3 features, the draft has 2" in capsys.readouterr().out
    assert (out / "contract.toml").exists()
    assert not (out / "manifest.json").exists()


def test_texts_and_inputs_by_name(tmp_path: Path) -> None:
    """A pipeline with an input a column is asked by the columns' names, and gives its own predictions."""
    onnx_file, sample, predictions = loans.write(tmp_path)
    adopt(onnx_file, sample, tmp_path / "mine", None)

    model = load_model(tmp_path / "mine")
    rows = read_sample(sample)
    columns, rejects = model.decoder.decode([orjson.dumps({"data": row}) for row in rows], str)
    assert not rejects
    assert model.score(model.features(columns)) == pytest.approx(predictions, abs=1e-5)
    assert model.plan.contract.fields["purpose"].values == tuple(sorted(loans.PURPOSES))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no rows"),
        (b"a,b\n", "has no rows"),
        (b"{not json\n", "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (b"name\nAda\nBob\n", "no column that could be a feature"),
    ],
)
def test_a_sample_that_says_nothing_is_refused(
    content: bytes, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line, with exit code 1."""
    rows = tmp_path / "rows.csv"
    rows.write_bytes(content)
    assert main([str(write_matrix(tmp_path)), str(rows), str(tmp_path / "mine")]) == 1
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_columns_are_described_by_what_they_hold(tmp_path: Path) -> None:
    """Numbers, whole numbers, times, texts with few values and others; words for "missing" are no value."""
    path = tmp_path / "rows.csv"
    lines = ["n,i,t,few,many,gap"]
    lines += [f"1.5,{row},2024-01-01 00:{row:02},{'ab'[row % 2]},x{row},{'NA' if row else 7}" for row in range(10)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = {column.name: column for column in describe(read_sample(path))}

    assert [(c.name, c.kind) for c in found.values()] == [
        ("n", "number"), ("i", "integer"), ("t", "time"), ("few", "text"), ("many", "text"), ("gap", "integer"),
    ]  # fmt: skip
    assert (found["few"].values, found["many"].values) == (("a", "b"), ())
    assert (found["many"].is_unique, found["few"].is_unique) == (True, False)
    assert (found["gap"].always_there, found["n"].always_there) == (False, True)


def test_times_written_as_numbers_are_told_by_name_and_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In seconds or in milliseconds; the same numbers under another name are numbers."""
    path = tmp_path / "rows.csv"
    lines = ["a,b,created_at,seen_ts,turnover"]
    lines += [f"{row},{row},{1_600_000_000_000 + row},{1_600_000_000 + row},{1_600_000_000 + row}" for row in range(10)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    found = {column.name: (column.kind, column.unit) for column in describe(read_sample(path))}
    assert found["created_at"] == ("time", "ms")
    assert found["seen_ts"] == ("time", "s")
    assert found["turnover"] == ("integer", None)

    assert main([str(write_matrix(tmp_path, 3)), str(path), str(tmp_path / "mine")]) == 0
    assert "created_at counts ms since 1970, seen_ts counts s since 1970" in capsys.readouterr().out
    assert read_contract(tmp_path / "mine").fields["created_at"].unit == "ms"
