"""What the page promises for a budget of alerts a day holds on the days that follow: docs/decisions/0048."""

import importlib
import subprocess
import sys
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from conftest import ROOT
from services.common.manifest import read_manifest
from services.scorer.event_time import SECONDS_A_DAY
from services.scorer.history.history import History
from services.scorer.models.load import load_model
from services.scorer.recall import customer_keys, to_events, with_past
from ui.threshold.whatif import LATEST, LOWEST, Effect, LatestScores

ROWS, CUSTOMERS, SEED = 1_300_000, 2_400, "8001"
"""Some 5,800 transactions a day, 32 of them frauds: of a world that is in no training data."""

FIRST_PROMISE = 140
"""Days before the promise: histories are full by then, and the latest scores reach back over four months."""

TOLERANCE = 0.1
LITTLE = 0.01
"""A missed amount below this share of all frauds' amount is not promised: too few frauds to tell."""


class Stream(NamedTuple):
    """Transactions in order of time, n of them: each column has n values."""

    scores: NDArray[np.float64]
    frauds: NDArray[np.bool_]
    days: NDArray[np.int64]
    amounts: NDArray[np.float64]
    customers: NDArray[np.uint32]


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Stream:
    """The world's transactions with the scores that the scorer gives them, history included."""
    path = tmp_path_factory.mktemp("stream") / "labelled.csv"
    arguments = ["--rows", str(ROWS), "--customers", str(CUSTOMERS), "--seed", SEED, "--labels", "--out", str(path)]
    subprocess.run([sys.executable, "-m", "services.simulator", "csv", *arguments], cwd=ROOT, check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "onnx"))
        dataset = importlib.import_module("dataset")
    model = load_model(ROOT / "onnx")
    plan, key = model.plan, model.plan.contract.record.key
    decoder, history, parts = type(model.decoder)(plan.contract, plan.fields.union(key)), History(plan.numbers), []
    for frame in pd.read_csv(path, chunksize=100_000):
        columns = dataset.to_columns(frame, decoder)
        events = to_events([one or b"" for one in customer_keys(columns, key)], columns, plan)
        seen = with_past(columns, plan.readings, history.observe(events, plan.readings).values)
        parts.append(
            Stream(
                model.score(model.features(seen)).astype(np.float64),
                frame["target"].to_numpy() == 1,
                columns.seconds // SECONDS_A_DAY,
                columns.numbers["amount"],
                dataset.customer_numbers(columns, plan.contract),
            )
        )
    return Stream(*map(np.concatenate, zip(*parts, strict=True)))


def promise(stream: Stream, until: int, budget: float) -> tuple[float, Effect]:
    """Return the threshold of a budget, and its effect, as the page has them on a day."""
    rows = np.flatnonzero((stream.days < until) & (stream.scores >= LOWEST))[-LATEST:]
    customers = np.unique(stream.customers[rows], return_inverse=True)[1]
    days = len(np.unique(stream.days[rows]))
    latest = LatestScores(stream.scores[rows], stream.amounts[rows], customers, days)
    threshold = latest.threshold(budget)
    effect = latest.effect(threshold, read_manifest(ROOT / "onnx").calibration)
    assert effect is not None
    return threshold, effect


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("budget", [10, 50, 200])
def test_a_budget_of_alerts_gives_what_was_promised(stream: Stream, budget: int) -> None:
    """Alerts, frauds caught, precision, amounts caught and missed, a day: within a tenth, on 80 days not yet seen."""
    until = int(stream.days.min()) + FIRST_PROMISE
    threshold, effect = promise(stream, until, budget)
    coming = (stream.days >= until) & (stream.days < stream.days.max())  # the last day is not whole
    flags, frauds = coming & (stream.scores >= threshold), coming & stream.frauds
    days = len(np.unique(stream.days[coming]))
    amount = float(stream.amounts[frauds].sum()) / days
    assert effect.precision is not None
    assert effect.caught_amount is not None
    assert effect.missed_amount is not None
    pairs = {
        "alerts": (effect.alerts.value, flags.sum() / days),
        "frauds caught": (effect.caught.value, (flags & frauds).sum() / days),
        "precision": (effect.precision.value, (flags & frauds).sum() / flags.sum()),
        "amount caught": (effect.caught_amount.value, stream.amounts[flags & frauds].sum() / days),
        "amount missed": (effect.missed_amount.value, stream.amounts[~flags & frauds].sum() / days),
    }
    for name, (promised, found) in pairs.items():
        print(f"{budget} a day, threshold {threshold}: {name}: promised {promised:.4g}, found {found:.4g}")

    assert effect.alerts.value <= budget
    missed_promised, missed_found = pairs.pop("amount missed")
    assert missed_promised == pytest.approx(missed_found, rel=TOLERANCE, abs=LITTLE * amount)
    for name, (promised, found) in pairs.items():
        assert promised == pytest.approx(found, rel=TOLERANCE), name
