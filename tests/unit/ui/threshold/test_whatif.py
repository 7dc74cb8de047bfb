"""The effect of another threshold: figures, table and chart."""

import json
from pathlib import Path

import pytest

from services.common.manifest import Curve, current_curve
from services.common.settings import project_root
from ui.review.verdicts import Precision
from ui.shell.texts import RUSSIAN
from ui.threshold import whatif
from ui.threshold.models import ScoringModel
from ui.threshold.render import comparison, curve_chart
from ui.threshold.texts import WHATIF_TEXTS
from ui.threshold.whatif import StreamStats, WhatIfData

CURVE = Curve(
    version="v", transactions=1000, frauds=10, fraud_amount=5000.0,
    thresholds=(0.1, 0.5, 0.9), alerts=(20, 10, 0), caught=(10, 8, 0), caught_amount=(5000.0, 4500.0, 0.0),
)  # fmt: skip


def test_the_effect_of_a_threshold_is_computed_from_the_curve() -> None:
    """100 transactions per day like those of the curve: a tenth of its alerts and amounts."""
    found = whatif.expected(CURVE, 0.5, 100.0)
    assert (found.alerts, found.precision, found.recall) == (1.0, 0.8, 0.8)
    assert (found.caught_amount, found.missed_amount) == (450.0, 50.0)
    assert whatif.expected(CURVE, 0.9, 100.0).precision is None


def test_alerts_of_the_stream_and_verdicts_follow_the_threshold() -> None:
    """A score that equals the threshold reaches it."""
    reaching = whatif._reaching([0, 41, 99])  # scores below 0.01, of 0.41, of 0.99
    stream = StreamStats(3, 2, reaching)
    assert [whatif.stream_alerts(stream, one, stream.per_day) for one in (0.01, 0.41, 0.42, 0.99)] == [
        1.0,
        1.0,
        0.5,
        0.5,
    ]
    assert whatif.stream_alerts(StreamStats(0, 0, [0] * 99), 0.5, 10) is None
    judged = [(0.9, True), (0.5, False), (0.45, True)]
    assert whatif.confirmed(judged, 0.5) == Precision(1, 2)
    assert whatif.confirmed(judged, 0.95) == Precision(0, 0)


def test_the_shipped_curve_is_of_the_shipped_model() -> None:
    """At the manifest's threshold it gives the manifest's figures; each lower threshold catches no less."""
    manifest = json.loads((project_root() / "onnx/manifest.json").read_bytes())
    curve = current_curve(project_root() / "onnx/curve.json")
    assert curve is not None
    assert (curve.version, tuple(curve.thresholds)) == (manifest["version"], whatif.THRESHOLDS)
    figures, found = manifest["figures"]["unseen_customers"], whatif.expected(curve, manifest["threshold"], 1.0)
    assert found.precision == pytest.approx(figures["precision"], abs=5e-4)
    assert found.recall == pytest.approx(figures["recall"], abs=5e-4)
    assert (curve.transactions, curve.frauds) == (figures["rows"], figures["frauds"])
    for column in (curve.alerts, curve.caught, curve.caught_amount):
        assert list(column) == sorted(column, reverse=True)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"version": "v", "payments": 1, "frauds": 0, "fraud_amount": 0, '
    '"thresholds": [], "alerts": [], "caught": [], "caught_amount": []}',
    '{"version": "v", "payments": 9, "frauds": 1, "fraud_amount": Infinity, "thresholds": [0.5], '
    '"alerts": [1], "caught": [1], "caught_amount": [1]}'])  # fmt: skip
def test_a_curve_that_cannot_be_used_is_none(tmp_path: Path, content: str) -> None:
    """The page works without one."""
    path = tmp_path / "curve.json"
    assert current_curve(path) is None
    path.write_text(content)
    assert current_curve(path) is None


def test_what_if_says_what_it_does_not_know() -> None:
    """No curve, no database, no model: each is said, and the rest stands."""
    words, model = WHATIF_TEXTS["ru"], ScoringModel("v", 0.5)
    data = WhatIfData(StreamStats(4, 2, [2] * 99), [(0.9, True)])
    whole = comparison(0.1, model, CURVE, data, 100.0, RUSSIAN, words)
    assert "При пороге 0,10" in whole
    assert "100,0\u00a0% (1/1)" in whole
    assert "Ниже 0,50 вердиктов нет" in whole
    assert "нет валидационной кривой" in comparison(0.1, model, None, data, 100.0, RUSSIAN, words)
    outage = comparison(0.1, model, CURVE, None, None, RUSSIAN, words)
    assert "База недоступна" in outage
    assert "0,0<" not in outage, "without the transactions per day, alerts per day are unknown"
    nothing = comparison(0.1, None, None, None, 100.0, RUSSIAN, words)
    assert "<table" not in nothing
    spec = curve_chart(CURVE, 0.1, 0.5, RUSSIAN, words).to_dict()
    labels = [one["label"] for one in [row for rows in spec["datasets"].values() for row in rows] if "label" in one]
    assert set(labels) == {"действующий 0,50", "выбранный 0,10"}
