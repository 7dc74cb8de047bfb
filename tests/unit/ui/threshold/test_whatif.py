"""The effect of another threshold: figures, table and chart."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from services.common.manifest import Calibration, Curve, current_curve
from services.common.settings import project_root
from ui.review.verdicts import Precision
from ui.shell.texts import ENGLISH, RUSSIAN
from ui.threshold import whatif
from ui.threshold.models import ScoringModel
from ui.threshold.render import comparison, curve_chart
from ui.threshold.texts import WHATIF_TEXTS
from ui.threshold.whatif import LatestScores, WhatIfData

CURVE = Curve(
    version="v", transactions=1000, frauds=10, thresholds=(0.1, 0.5, 0.9), alerts=(20, 10, 0), caught=(10, 8, 0),
)  # fmt: skip


def latest(scores: list[float], days: int = 1, customers: list[int] | None = None) -> LatestScores:
    """Latest scores, of 10 each in amount and of a customer each unless it is said."""
    numbers = np.arange(len(scores)) if customers is None else np.array(customers)
    return LatestScores(np.array(scores, float), np.full(len(scores), 10.0), numbers, days)


def test_precision_and_recall_are_those_of_the_curve() -> None:
    """At the nearest of its thresholds; None where it flags nothing, and beyond its ends, where it tells nothing."""
    assert whatif.validated(CURVE, 0.5) == whatif.validated(CURVE, 0.52) == (0.8, 0.8)
    assert [whatif.validated(CURVE, one) for one in (0.9, 0.09, 0.91)] == [None] * 3


def test_the_effect_of_a_threshold_is_what_the_latest_scores_add_up_to() -> None:
    """A score that equals the threshold reaches it; frauds are the sum of the scores, all of it on an average day."""
    found = latest([0.9, 0.5, 0.4, 0.2], days=2).effect(0.5)
    assert found is not None
    assert found.precision is not None
    assert (found.alerts.value, found.caught.value, found.precision.value) == pytest.approx((1.0, 0.7, 0.7))
    assert found.caught_amount is not None
    assert found.missed_amount is not None
    assert (found.caught_amount.value, found.missed_amount.value) == pytest.approx((7.0, 3.0))
    for one in (found.alerts, found.caught, found.precision, found.caught_amount, found.missed_amount):
        assert 0 <= one.low < one.value < one.high
    assert latest([0.5], days=0).effect(0.5) is None
    none = latest([0.5]).effect(0.6)
    assert none is not None
    assert none.precision is None


def test_expected_frauds_are_probabilities_not_scores() -> None:
    """A calibration changes what is expected, not which transactions are flagged."""
    calibration = Calibration(a=1, b=1, c=math.log(2))  # doubles the odds
    found = latest([0.5, 0.2]).effect(0.4, calibration)
    assert found is not None
    assert found.precision is not None
    assert found.missed_amount is not None
    figures = (found.alerts.value, found.caught.value, found.precision.value, found.missed_amount.value)
    assert figures == pytest.approx((1, 2 / 3, 2 / 3, 10 / 3))


def test_a_missing_amount_counts_as_none_and_without_any_the_amounts_are_unknown() -> None:
    """Records of another contract may have no amount."""
    whole = latest([0.9, 0.9])
    for amounts, caught in (([10.0, np.nan], 9.0), ([np.nan, np.nan], None)):
        found = replace(whole, amounts=np.array(amounts)).effect(0.5)
        assert found is not None
        assert (found.caught_amount and found.caught_amount.value) == caught
        assert (found.missed_amount is None) == (caught is None)
        assert found.caught.value == pytest.approx(1.8)


def test_an_interval_counts_customers_not_transactions() -> None:
    """100 alerts of a customer each: 100 ± 1.959964 * 10; of 4 customers: 100 ± 1.959964 * 50."""
    scores = [0.5] * 100
    for customers, half in ((None, 19.59964), ([number % 4 for number in range(100)], 97.9982)):
        found = latest(scores, customers=customers).effect(0.5)
        assert found is not None
        assert (found.alerts.low, found.alerts.high) == pytest.approx((100 - half, 100 + half))


def test_intervals_hold_as_often_as_they_say() -> None:
    """Of 400 streams of bursts, alerts and frauds a day are within the interval in 95 %, chance (± 3 %) allowed for."""
    random, days, truth, hits = np.random.default_rng(3), 50, 200 * 5.5 * 0.7 / 50, [0, 0]
    for _ in range(400):
        customers = np.repeat(np.arange(1000), (random.random(1000) < 0.2) * random.integers(1, 11, 1000))
        scores = np.where(random.random(len(customers)) < 0.5, 0.9, 0.5)
        found = latest(scores.tolist(), days, customers.tolist()).effect(0.4)
        assert found is not None
        hits[0] += found.alerts.low <= 200 * 5.5 / days <= found.alerts.high
        hits[1] += found.caught.low <= truth <= found.caught.high
    assert all(368 <= one <= 396 for one in hits), hits


@pytest.mark.parametrize(
    ("alerts", "threshold"),
    [(0, 0.999999), (0.5, 0.9), (1, 0.7), (1.4, 0.7), (1.5, 0.7), (2, 0.5), (2.5, whatif.LOWEST), (100, whatif.LOWEST)],
)
def test_a_budget_gives_the_lowest_threshold_that_keeps_it(alerts: float, threshold: float) -> None:
    """Over two days: 0.9, 0.7, 0.5, 0.5, 0.2; equal scores are flagged together or not at all."""
    found = latest([0.5, 0.9, 0.2, 0.7, 0.5], days=2)
    assert found.threshold(alerts) == threshold
    effect = found.effect(threshold)
    assert effect is not None
    assert effect.alerts.value <= alerts


def test_a_budget_that_equal_scores_exceed_gives_the_highest_threshold() -> None:
    """Scores are rounded: several may be 1, and none is above."""
    assert latest([1.0, 1.0, 1.0]).threshold(2) == whatif.HIGHEST


def test_verdicts_follow_the_threshold() -> None:
    """A score that equals the threshold reaches it."""
    judged = [(0.9, True), (0.5, False), (0.45, True)]
    assert whatif.confirmed(judged, 0.5) == Precision(1, 2)
    assert whatif.confirmed(judged, 0.95) == Precision(0, 0)


def test_the_shipped_curve_is_of_the_shipped_model() -> None:
    """At the manifest's threshold it gives the manifest's figures; each lower threshold catches no less."""
    manifest = json.loads((project_root() / "onnx/manifest.json").read_bytes())
    curve = current_curve(project_root() / "onnx/curve.json")
    assert curve is not None
    assert curve.version == manifest["version"]
    figures, found = manifest["figures"]["unseen_customers"], whatif.validated(curve, manifest["threshold"])
    assert found == pytest.approx((figures["precision"], figures["recall"]), abs=5e-4)
    assert (curve.transactions, curve.frauds) == (figures["rows"], figures["frauds"])
    for column in (curve.alerts, curve.caught):
        assert list(column) == sorted(column, reverse=True)


@pytest.mark.parametrize("content", ["", "{}", "[]",
    '{"version": "v", "payments": 1, "frauds": 0, "thresholds": [], "alerts": [], "caught": []}',
    '{"version": "v", "payments": 9, "frauds": 1, "thresholds": [Infinity], "alerts": [1], "caught": [1]}',
    '{"version": "v", "payments": 9, "frauds": 1, "thresholds": [0.5], "alerts": [1, 0], "caught": [1]}'])  # fmt: skip
def test_a_curve_that_cannot_be_used_is_none(tmp_path: Path, content: str) -> None:
    """The page works without one."""
    path = tmp_path / "curve.json"
    assert current_curve(path) is None
    path.write_text(content)
    assert current_curve(path) is None


def test_a_curve_with_the_amounts_that_it_had_is_read(tmp_path: Path) -> None:
    """A model's folder of an earlier version keeps its curve."""
    path = tmp_path / "curve.json"
    amounts = {"fraud_amount": 5000.0, "caught_amount": [5000.0, 4500.0, 0.0]}
    path.write_text(json.dumps(CURVE.model_dump(by_alias=True) | amounts))
    assert current_curve(path) == CURVE


def test_what_if_says_what_it_does_not_know() -> None:
    """No curve, no database, no model, no days: each is said, and the rest stands."""
    words, model = WHATIF_TEXTS["ru"], ScoringModel("v", 0.5)
    data = WhatIfData(latest([0.9, 0.3], days=2), [(0.9, True)])
    whole = comparison(0.1, model, CURVE, data, None, RUSSIAN, words)
    assert "При пороге 0,10" in whole
    assert "100,0\u00a0% (1/1)" in whole
    assert '<td>1,0 <span class="interval">(0,0–2,4)</span></td>' in re.sub(r"<td [^>]*>", "<td>", whole)
    assert "Ниже 0,50 вердиктов нет" in whole
    assert "последним оценкам от 0,001" in whole
    assert "нет валидационной кривой" in comparison(0.1, model, None, data, None, RUSSIAN, words)
    outage = comparison(0.1, model, CURVE, None, None, RUSSIAN, words)
    assert "База недоступна" in outage
    assert words.alerts not in outage
    timeless = comparison(0.1, model, CURVE, WhatIfData(latest([0.9], days=0), []), None, RUSSIAN, words)
    assert f"{words.alerts}</td>" in timeless
    assert "0,0<" not in timeless, "without the days, alerts a day are unknown"
    nothing = comparison(0.1, None, None, None, None, RUSSIAN, words)
    assert "<table" not in nothing
    spec = curve_chart(CURVE, 0.1, 0.5, RUSSIAN, words).to_dict()
    labels = [one["label"] for one in [row for rows in spec["datasets"].values() for row in rows] if "label" in one]
    assert set(labels) == {"действующий 0,50", "выбранный 0,10"}


def test_a_threshold_is_shown_as_exactly_as_it_was_chosen() -> None:
    """Where alerts are few thresholds differ in the sixth decimal; a hundredth stays one."""
    words = WHATIF_TEXTS["en"]
    for threshold, shown in ((0.4, "0.40"), (0.999571, "0.999571"), (0.0012, "0.0012")):
        assert f"At threshold {shown}<" in comparison(threshold, None, CURVE, None, None, ENGLISH, words)
