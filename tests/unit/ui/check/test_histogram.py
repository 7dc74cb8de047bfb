"""The histogram: what its bars, rule and options say."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.check.histogram import BINS, count_by_bin, histogram, split_bins
from ui.check.texts import CHECK_TEXTS
from ui.shell.texts import ENGLISH, RUSSIAN

WORDS = CHECK_TEXTS["ru"]
SCORES = st.lists(st.floats(0, 1), max_size=100)


def spec(scores: list[float], threshold: float | None) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(histogram(scores, threshold, RUSSIAN, WORDS).to_json())
    return loaded


def rows_of(chart: dict[str, Any], layer: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = chart["datasets"][layer["data"]["name"]]
    return rows


@given(SCORES, st.floats(0.01, 0.99))
def test_every_score_is_in_one_bar(scores: list[float], threshold: float) -> None:
    """The bars hold as many scores as there are, and the red ones those at or over the threshold."""
    rows = split_bins(scores, threshold, WORDS, RUSSIAN.numbers)
    assert sum(row["count"] for row in rows) == len(scores)
    assert sum(row["count"] for row in rows if row["side"] == WORDS.chart_above) == sum(s >= threshold for s in scores)


@pytest.mark.parametrize(
    ("score", "place"), [(0.0, 0), (0.049, 0), (0.05, 1), (0.15, 3), (0.3, 6), (0.35, 7), (0.95, 19), (1.0, 19)]
)
def test_a_bin_begins_at_its_left_edge(score: float, place: int) -> None:
    """A score on an edge belongs to the bin right of it, in spite of binary fractions; 1 to the last."""
    assert count_by_bin([score]).index(1) == place


def test_there_are_twenty_bins_of_a_twentieth() -> None:
    """The bins do not depend on the scores."""
    assert len(count_by_bin([])) == len(count_by_bin([0.5])) == BINS == 20


def test_the_bin_of_the_threshold_is_split() -> None:
    """0.36 and 0.38 share a bin, but not a colour; the parts stand on each other."""
    below, above = split_bins([0.36, 0.38, 0.39], 0.37, WORDS, RUSSIAN.numbers)
    assert (below["side"], below["low"], below["high"]) == (WORDS.chart_below, 0, 1)
    assert (above["side"], above["low"], above["high"]) == (WORDS.chart_above, 1, 3)
    assert below["bin"] == above["bin"] == "0,35–0,40"


def test_the_threshold_is_marked_with_its_label() -> None:
    """A rule stands at the threshold and says so."""
    chart = spec([0.1], 0.37)
    rule = next(layer for layer in chart["layer"] if layer["mark"]["type"] == "rule")
    assert rows_of(chart, rule) == [{"threshold": 0.37, "label": "порог 0,37"}]


@pytest.mark.parametrize(("threshold", "side"), [(0.37, "left"), (0.9, "right")])
def test_the_label_of_the_threshold_stays_inside(threshold: float, side: str) -> None:
    """Near the right edge the label stands left of its rule."""
    label = spec([0.1], threshold)["layer"][-1]
    assert label["mark"]["align"] == side


def test_without_a_threshold_there_is_no_rule() -> None:
    """An unreadable manifest costs the rule, not the chart."""
    chart = spec([0.1, 0.9], None)
    assert [layer["mark"]["type"] for layer in chart["layer"]] == ["bar", "text"]
    assert {row["side"] for row in rows_of(chart, chart["layer"][0])} == {WORDS.chart_below}


def test_the_chart_is_for_any_page() -> None:
    """Transparent for dark pages, as wide as its column, no menu, SVG, numbers in the reader's language."""
    chart = spec([0.1], 0.5)
    assert chart["background"] == "transparent"
    assert chart["width"] == "container"
    options = chart["usermeta"]["embedOptions"]
    assert (options["actions"], options["renderer"]) == (False, "svg")
    assert options["formatLocale"]["decimal"] == ","


def test_the_chart_says_of_how_many() -> None:
    """The title names the number of scores, in the right case."""
    assert spec([0.1] * 100, None)["title"]["text"] == "Оценки последних 100\u00a0транзакций"
    assert spec([0.1] * 21, None)["title"]["text"] == "Оценки последних 21\u00a0транзакции"
    assert "threshold 0.38" in histogram([0.1], 0.375, ENGLISH, CHECK_TEXTS["en"]).to_json()
