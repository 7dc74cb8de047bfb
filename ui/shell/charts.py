"""The histogram of scores, and the look of all Vega charts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import altair as alt

BINS = 20
BIN_WIDTH = 1 / BINS
LABEL_FLIPS_ABOVE = 0.7
"""The threshold's label is right of its rule up to this score, left of it above."""

CALM, ALARM, INK = "#7c93b2", "#d9583b", "#6b7280"


class ChartMarks(Protocol):
    """How a language writes numbers."""

    @property
    def thousands_mark(self) -> str:
        """The space of 12 345 or the comma of 12,345."""

    @property
    def decimal_mark(self) -> str:
        """The comma of 0,5 or the point of 0.5."""

    @property
    def percent_gap(self) -> str:
        """The space, or none, between a number and its percent sign."""


@dataclass(frozen=True, slots=True)
class ChartTexts:
    """Texts of the histogram in one language, filled in."""

    title: str
    threshold: str
    x_title: str
    y_title: str
    below: str
    above: str
    bin: str
    decimal_mark: str
    thousands_mark: str
    percent_gap: str


def histogram(scores: Sequence[float], threshold: float | None, texts: ChartTexts) -> alt.LayerChart:
    """Return the histogram of scores in [0, 1]: 20 bars of width 0.05, red at or over the threshold.

    The bin of the threshold is split into both colours. A score of exactly 1 belongs to the last bin. The width follows
    the container, see page.css.
    """
    colours = alt.Scale(domain=[texts.below, texts.above], range=[CALM, ALARM])
    axis = alt.Axis(values=[tenth / 10 for tenth in range(11)], format=".1f", grid=False, title=texts.x_title)
    counts = alt.Axis(tickMinStep=1, format=",d", tickCount=4, title=texts.y_title, domain=False, ticks=False)
    room_for_labels = max(1, *count_by_bin(scores)) * 1.12
    x, x2 = alt.X("from:Q", scale=alt.Scale(domain=[0, 1]), axis=axis), alt.X2("to:Q")

    bars = (
        alt.Chart(alt.InlineData(values=split_bins(scores, threshold, texts)))
        .mark_bar(xOffset=1, x2Offset=-1)
        .encode(
            x=x,
            x2=x2,
            y=alt.Y("low:Q", axis=counts, scale=alt.Scale(domain=[0, room_for_labels], nice=False)),
            y2="high:Q",
            color=alt.Color("side:N", scale=colours, legend=alt.Legend(title=None, orient="top", offset=6)),
            tooltip=[
                alt.Tooltip("bin:N", title=texts.bin),
                alt.Tooltip("side:N", title=" "),
                alt.Tooltip("count:Q", title=texts.y_title, format=",d"),
            ],
        )
    )
    labels = (
        alt.Chart(alt.InlineData(values=bin_labels(scores)))
        .mark_text(dy=-7, fontSize=11, color=INK)
        .encode(x="middle:Q", y="count:Q", text=alt.Text("count:Q", format=",d"))
    )
    rules = [] if threshold is None else rule(threshold, texts.threshold, ALARM, 34)
    return layered([bars, labels, *rules], texts.title, 260, texts, title_offset=14)


def count_by_bin(scores: Sequence[float]) -> list[int]:
    """Return the number of scores in each of the 20 bins [0, 0.05), … [0.95, 1]."""
    counts = [0] * BINS
    for score in scores:
        counts[_bin(score)] += 1
    return counts


def split_bins(scores: Sequence[float], threshold: float | None, texts: ChartTexts) -> list[dict[str, Any]]:
    """Return a row for each bar: non-empty bins, that of the threshold twice, stacked."""
    flagged = count_by_bin([score for score in scores if threshold is not None and score >= threshold])
    rows = []
    for place, count in enumerate(count_by_bin(scores)):
        calm = count - flagged[place]
        edges = {"from": round(place * BIN_WIDTH, 2), "to": round((place + 1) * BIN_WIDTH, 2)}
        name = f"{edges['from']:.2f}–{edges['to']:.2f}".replace(".", texts.decimal_mark)
        if calm:
            rows.append({**edges, "bin": name, "side": texts.below, "count": calm, "low": 0, "high": calm})
        if flagged[place]:
            rows.append(
                {**edges, "bin": name, "side": texts.above, "count": flagged[place], "low": calm, "high": count}
            )
    return rows


def bin_labels(scores: Sequence[float]) -> list[dict[str, float]]:
    """Return the count above each non-empty bin: without it a bar of 1 beside one of 90 is hard to see."""
    return [
        {"middle": round((place + 0.5) * BIN_WIDTH, 3), "count": count}
        for place, count in enumerate(count_by_bin(scores))
        if count
    ]


def _bin(score: float) -> int:
    """Return the index of a score's bin; rounding puts 0.15 into the bin that begins at 0.15."""
    return min(BINS - 1, max(0, int(round(score * BINS, 9))))


def rule(threshold: float, label: str, colour: str, height: int) -> list[alt.Chart]:
    """Return a vertical rule at a score, and its label `height` pixels from the top."""
    base = alt.Chart(alt.InlineData(values=[{"threshold": threshold, "label": label}]))
    right = threshold <= LABEL_FLIPS_ABOVE
    return [
        base.mark_rule(strokeDash=[5, 4], strokeWidth=1.5, color=colour).encode(x="threshold:Q"),
        base.mark_text(align="left" if right else "right", dx=7 if right else -7, fontSize=12, color=colour).encode(
            x="threshold:Q", y=alt.value(height), text="label:N"
        ),
    ]


def layered(
    layers: Sequence[alt.Chart], title: str, height: int, marks: ChartMarks, *, title_offset: int = 10
) -> alt.LayerChart:
    """Return layers as one chart in the page's look, as wide as its container and `height` pixels high."""
    return alt.LayerChart(layer=list(layers)).properties(
        width="container",
        height=height,
        title=alt.Title(title, anchor="start", fontSize=15, fontWeight="normal", offset=title_offset),
        background="transparent",
        padding={"left": 0, "right": 8, "top": 4, "bottom": 4},
        config=_look(),
        usermeta={"embedOptions": _embed_options(marks)},
    )


def _look() -> alt.Config:
    """Return the look: no frame, hairline grid, greys readable on white and on black."""
    return alt.Config(
        font="Source Sans Pro, system-ui, sans-serif",
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(
            labelColor=INK, titleColor=INK, titleFontWeight="normal", labelFontSize=12, titleFontSize=12,
            gridColor=INK, gridOpacity=0.18, domainColor=INK, tickColor=INK, titlePadding=10,
        ),
        legend=alt.LegendConfig(labelColor=INK, labelFontSize=12, direction="horizontal", symbolType="square"),
        title=alt.TitleConfig(color=INK),
    )  # fmt: skip


def _embed_options(marks: ChartMarks) -> dict[str, Any]:
    """Return the options of vega-embed: no menu, SVG, numbers in the page's language."""
    locale = {
        "decimal": marks.decimal_mark,
        "thousands": marks.thousands_mark,
        "grouping": [3],
        "currency": ["", ""],
        "percent": f"{marks.percent_gap}%",
    }
    return {"actions": False, "renderer": "svg", "formatLocale": locale}
