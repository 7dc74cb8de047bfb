"""The simulator makes transactions that the model of the real data knows."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import orjson
import pytest
from sklearn.metrics import average_precision_score

from conftest import ROOT
from services.scorer.history.history import History
from services.scorer.models.load import load_model
from services.scorer.recall import customer_keys, to_events, with_past

NUMBERS = {"amount", "lat", "lon", "population_city", "merchant_lat", "merchant_lon", "post_code"}


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_shipped_model_finds_the_simulated_frauds(seed: str, tmp_path: Path) -> None:
    """Average precision of at least 0.80 without history and more with it, on transactions it was not trained on."""
    path = tmp_path / "labelled.csv"
    arguments = ["csv", "--rows", "100000", "--seed", seed, "--labels", "--out", str(path)]
    subprocess.run([sys.executable, "-m", "services.simulator", *arguments], cwd=ROOT, check=True)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    frauds = np.array([int(row.pop("target")) for row in rows])
    messages = [orjson.dumps({k: float(v) if k in NUMBERS else v for k, v in row.items()}) for row in rows]

    model = load_model(ROOT / "onnx")
    columns, rejects = model.decoder.decode(messages, str)
    plan = model.plan
    events = to_events([key or b"" for key in customer_keys(columns, plan.contract.record.key)], columns, plan)
    values = History(plan.numbers).observe(events, plan.readings).values
    remembering = with_past(columns, plan.readings, values)

    assert not rejects
    assert frauds.sum() > 100
    alone = average_precision_score(frauds, model.score(model.features(columns)))
    assert alone >= 0.80
    assert average_precision_score(frauds, model.score(model.features(remembering))) > alone
