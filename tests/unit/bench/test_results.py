"""The output of the benchmarks: table and chart."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import bench.__main__
from bench.chart import BARS, bars, chart, draw
from bench.figures import Figures, Goal, figure
from bench.table import Results, cells, number, to_markdown, to_text

FIGURES: Figures = {
    "pass_through": figure("pass-through", [120_000, 118_000, 125_000], "messages/s"),
    "scorer_process": figure("scorer | history", [61_000, 60_000, 62_500], "messages/s", goal=Goal(at_least=60_000)),
    "usual": figure("usual loop", [150.4], "messages/s", goal=Goal(at_least=200), note="without history"),
}
RESULTS = Results(
    machine={"date": "2026-01-01", "cores": "2 cores"},
    rounds=3,
    sections={"peers": {"title": "Compared with its peers", "figures": FIGURES}},
    left_out=["peer kafka_streams: no JDK"],
)


def spec() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(chart(FIGURES).to_json())
    return loaded


@pytest.mark.parametrize(
    ("value", "text"), [(31_670, "31,670"), (150.4, "150"), (24.72, "24.7"), (0.514, "0.51"), (0, "0.00")]
)
def test_numbers_have_the_digits_that_mean_something(value: float, text: str) -> None:
    """With thousands separators."""
    assert number(value) == text


def test_a_row_has_spread_goal_and_verdict() -> None:
    """A figure measured once has no spread; a goal is met or missed; a note follows it."""
    assert cells(FIGURES["pass_through"]) == ("pass-through", "120,000 messages/s", "118,000 to 125,000", "", "")
    assert cells(FIGURES["scorer_process"])[3:] == ("≥ 60000", "met")
    assert cells(FIGURES["usual"])[2:] == ("measured once", "≥ 200", "**missed**, without history")


def test_the_document_holds_every_figure_and_the_machine() -> None:
    """A pipe in a text does not end its cell."""
    document = to_markdown(RESULTS)

    assert "2026-01-01; 2 cores" in document
    assert "## Compared with its peers" in document
    assert "- peer kafka_streams: no JDK" in document
    rows = [line for line in document.splitlines() if line.startswith("| ") and "figure" not in line]
    assert len(rows) == len(FIGURES)
    assert {row.replace("\\|", "").count("|") for row in rows} == {6}


def test_columns_are_aligned_on_a_terminal() -> None:
    """Medians end in one column, and nothing is left out."""
    lines = [line for line in to_text(RESULTS).splitlines() if "messages/s" in line]

    assert len(lines) == len(FIGURES)
    assert len({line.index("messages/s") for line in lines}) == 1
    assert "left out: peer kafka_streams: no JDK" in to_text(RESULTS)


def test_a_run_of_nothing_is_still_a_table() -> None:
    """There may be no sections."""
    empty = RESULTS | {"sections": {}, "left_out": []}

    assert to_text(empty) == "2026-01-01; 2 cores"
    assert "Left out" not in to_markdown(empty)


def test_only_what_was_measured_has_a_bar_in_the_order_of_the_list() -> None:
    """The limit is first, the usual loop last."""
    assert [row["name"] for row in bars(FIGURES)] == [
        label for name, (label, _) in BARS.items() if name in FIGURES
    ]  # fmt: skip
    assert spec()["layer"][0]["encoding"]["y"]["sort"] == [row["name"] for row in bars(FIGURES)]


def test_bars_start_at_zero_and_leave_room_for_the_widest_spread() -> None:
    """Lengths can be compared."""
    low, high = spec()["layer"][0]["encoding"]["x"]["scale"]["domain"]

    assert low == 0
    assert high > 125_000


def test_the_spread_and_the_figure_are_drawn_too() -> None:
    """A rule from lowest to highest, and the number as text."""
    _, rule, text = spec()["layer"]

    assert (rule["encoding"]["x"]["field"], rule["encoding"]["x2"]["field"]) == ("low", "high")
    assert text["encoding"]["text"]["field"] == "value"
    assert [row["value"] for row in bars(FIGURES)] == ["120,000", "61,000", "150"]


def test_every_bar_of_the_chart_is_a_figure_of_some_section() -> None:
    """A renamed figure would lose its bar silently."""
    from bench import comparison  # noqa: PLC0415

    compared = {contender.name for contender in (*comparison.OURS, *comparison.PEERS)}
    assert set(BARS) - compared == {"pass_through"}
    assert compared <= set(BARS)


def test_nothing_measured_is_no_chart(tmp_path: Path) -> None:
    """Rather than an empty one."""
    assert not draw({}, tmp_path / "bench.svg")
    assert list(tmp_path.iterdir()) == []


def test_figures_are_stored_without_the_renderer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The chart is left out, in one line; the table was measured for a long time."""
    monkeypatch.setattr(bench.__main__, "ROOT", tmp_path)
    monkeypatch.setattr(bench.__main__, "TRIALS", tmp_path / "build")
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    bench.__main__.write_results(RESULTS, complete=False)
    told = capsys.readouterr().out
    assert "bench.svg is not drawn: vl-convert is not installed; make bench installs it" in told
    assert "written: build/2026-01-01.json, build/latest.md\n" in told


def test_the_chart_is_drawn(tmp_path: Path) -> None:
    """As SVG, with labels as text."""
    pytest.importorskip("vl_convert", reason="make bench installs the renderer")
    assert draw(FIGURES, tmp_path / "bench.svg")
    assert "this scorer with history" in (tmp_path / "bench.svg").read_text()
