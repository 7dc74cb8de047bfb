"""The picture for the README: messages a second of each, beside the limit, with the spread over the rounds."""

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
"""Figure -> its words and its colour, from top to bottom; what was not measured has no bar."""

COLOURS = {"limit": "#b8bec9", "ours": "#d9583b", "peers": "#7c93b2"}
INK = "#7d8590"
"""Reads on white and on black alike: the picture has no background of its own."""

TITLE = "Messages a second, one process"
SUBTITLE = [
    "same payments, topic, model and machine; peers keep no history;",
    "the thin line is the spread over the rounds",
]
LABELS_WIDTH = 330
"""Pixels: enough for the labels in fonts wider than the one the picture was measured with."""


def bars(figures: Figures) -> list[dict[str, Any]]:
    """Return a row a bar, from top to bottom."""
    return [
        {
            "who": who,
            "kind": kind,
            "rate": figures[name]["value"],
            "low": figures[name]["low"],
            "high": figures[name]["high"],
            "label": number(figures[name]["value"]),
        }
        for name, (who, kind) in BARS.items()
        if name in figures
    ]


def chart(figures: Figures) -> alt.LayerChart:
    """Return the chart."""
    rows = bars(figures)
    axis = alt.Axis(title=None, labelLimit=LABELS_WIDTH, minExtent=LABELS_WIDTH, ticks=False)
    base = alt.Chart(alt.InlineData(values=rows)).encode(y=alt.Y("who:N", sort=[row["who"] for row in rows], axis=axis))
    colour = alt.Color("kind:N", scale=alt.Scale(domain=list(COLOURS), range=list(COLOURS.values())), legend=None)
    room = alt.Scale(domain=[0, 1.15 * max(row["high"] for row in rows)], nice=False)
    layers = [
        base.mark_bar(height=18).encode(x=alt.X("rate:Q", scale=room, axis=None), color=colour),
        base.mark_rule(color=INK, strokeWidth=1.5).encode(x=alt.X("low:Q", scale=room), x2="high:Q"),
        base.mark_text(align="left", dx=6, color=INK, fontSize=12).encode(x="high:Q", text="label:N"),
    ]
    return alt.LayerChart(layer=layers).properties(
        width=520,
        height=alt.Step(28),
        background="transparent",
        title=alt.Title(TITLE, subtitle=SUBTITLE, anchor="start", frame="group", offset=12),
        config=_config(),
    )


def draw(figures: Figures, path: Path) -> bool:
    """Write the chart as SVG; return whether there was anything to draw."""
    if not bars(figures):
        return False
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
