"""The chart for the documents: messages per second of the scorer, its limit and its peers, with their spread."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import altair as alt

from bench.figures import Figures
from bench.table import number

BARS = {
    "pass_through": ("only read and written, exactly once (the limit)", "limit"),
    "no_history_process": ("this scorer without history, exactly once", "ours"),
    "scorer_process": ("this scorer with history, exactly once", "ours"),
    "kafka_streams": ("Kafka Streams, exactly once", "peers"),
    "quix_alo": ("Quix Streams, at least once", "peers"),
    "quix_eos": ("Quix Streams, exactly once", "peers"),
    "usual": ("a message at a time, pandas, flush", "peers"),
}
"""Figure -> label and colour group, from top to bottom; what was not measured has no bar."""

COLOURS = {"limit": "#b8bec9", "ours": "#d9583b", "peers": "#7c93b2"}
INK = "#7d8590"
"""Legible on white and on black: the chart has no background of its own."""

TITLE = "Messages per second, one process"
SUBTITLE = [
    "same transactions, topic, model and machine; peers have no history;",
    "the thin line is the spread over the rounds",
]
LABELS_WIDTH = 330
"""Pixels: enough for the labels in wider fonts too."""


def bars(figures: Figures) -> list[dict[str, Any]]:
    """Return one row per bar, from top to bottom."""
    return [
        {
            "name": label,
            "kind": kind,
            "rate": figures[name]["value"],
            "low": figures[name]["low"],
            "high": figures[name]["high"],
            "value": number(figures[name]["value"]),
        }
        for name, (label, kind) in BARS.items()
        if name in figures
    ]


def chart(figures: Figures) -> alt.LayerChart:
    """Return the chart."""
    rows = bars(figures)
    axis = alt.Axis(title=None, labelLimit=LABELS_WIDTH, minExtent=LABELS_WIDTH, ticks=False)
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("name:N", sort=[row["name"] for row in rows], axis=axis)
    )
    colour = alt.Color("kind:N", scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())), legend=None)
    room = alt.Scale(domain=[0, 1.15 * max(row["high"] for row in rows)], nice=False)
    layers = [
        base.mark_bar(height=18).encode(x=alt.X("rate:Q", scale=room, axis=None), color=colour),
        base.mark_rule(color=INK, strokeWidth=1.5).encode(x=alt.X("low:Q", scale=room), x2="high:Q"),
        base.mark_text(align="left", dx=6, color=INK, fontSize=12).encode(x="high:Q", text="value:N"),
    ]
    return alt.LayerChart(layer=layers).properties(
        width=520,
        height=alt.Step(28),
        background="transparent",
        title=alt.Title(TITLE, subtitle=SUBTITLE, anchor="start", frame="group", offset=12),
        config=_config(),
    )


def draw(figures: Figures, path: Path) -> bool:
    """Write the chart as SVG; return False if there is nothing to draw.

    Raises:
        ModuleNotFoundError: vl-convert, which Altair draws SVG with, is not installed.
    """
    if not bars(figures):
        return False
    if find_spec("vl_convert") is None:  # Altair says so by a ValueError like others
        raise ModuleNotFoundError("vl-convert is not installed")
    chart(figures).save(path)
    return True


def _config() -> alt.Config:
    font = "system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif"
    return alt.Config(
        font=font,
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(labelColor=INK, labelFontSize=12, domain=False, grid=False),
        title=alt.TitleConfig(color=INK, fontSize=15, fontWeight="normal", subtitleColor=INK, subtitleFontSize=11),
    )
