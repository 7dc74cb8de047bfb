"""The histogram of the latest scores."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from ui.check.texts import CheckTexts
from ui.shell import charts
from ui.shell.formats import Numbers
from ui.shell.texts import Texts

BINS = 20
BIN_WIDTH = 1 / BINS
LOGARITHMIC_TICKS = [0, 1, 10, 100]


def histogram(
    scores: Sequence[float], threshold: float | None, texts: Texts, words: CheckTexts, *, logarithmic: bool = False
) -> alt.LayerChart:
    """Return the histogram of scores in [0, 1]: 20 bars of width 0.05, red at or over the threshold.

    The bin of the threshold is split into both colours. A score of exactly 1 belongs to the last bin. The width follows
    the container, see page.css. With `logarithmic` heights grow with log(1 + count), so that 1 is seen beside 99.
    """
    numbers = texts.numbers
    colours = alt.Scale(domain=[words.chart_below, words.chart_above], range=[charts.CALM, charts.ALARM])
    axis = alt.Axis(values=[tenth / 10 for tenth in range(11)], format=".1f", grid=False, title=words.chart_x)
    ticks: dict[str, Any] = {"values": LOGARITHMIC_TICKS} if logarithmic else {"tickMinStep": 1, "tickCount": 4}
    counts = alt.Axis(**ticks, format=",d", title=words.chart_y, domain=False, ticks=False)
    room_for_labels = max(1, *count_by_bin(scores)) * (1.6 if logarithmic else 1.12)
    height = alt.Scale(domain=[0, room_for_labels], nice=False, type="symlog" if logarithmic else "linear")
    x, x2 = alt.X("from:Q", scale=alt.Scale(domain=[0, 1]), axis=axis), alt.X2("to:Q")

    bars = (
        alt.Chart(alt.InlineData(values=split_bins(scores, threshold, words, numbers)))
        .mark_bar(xOffset=1, x2Offset=-1)
        .encode(
            x=x,
            x2=x2,
            y=alt.Y("low:Q", axis=counts, scale=height),
            y2="high:Q",
            color=alt.Color("side:N", scale=colours, legend=alt.Legend(title=None, orient="top", offset=6)),
            tooltip=[
                alt.Tooltip("bin:N", title=words.chart_bin),
                alt.Tooltip("side:N", title=" "),
                alt.Tooltip("count:Q", title=words.chart_y, format=",d"),
            ],
        )
    )
    labels = (
        alt.Chart(alt.InlineData(values=bin_labels(scores)))
        .mark_text(dy=-7, fontSize=11, color=charts.INK)
        .encode(x="middle:Q", y="count:Q", text=alt.Text("count:Q", format=",d"))
    )
    title = words.chart_title.format(transactions_counted=numbers.counted(len(scores), texts.last_transaction_forms))
    rules = []
    if threshold is not None:
        label = words.chart_threshold.format(threshold=numbers.decimal(threshold, 2))
        rules = charts.rule(threshold, label, charts.ALARM, 34)
    return charts.layered([bars, labels, *rules], title, 260, numbers, title_offset=14)


def count_by_bin(scores: Sequence[float]) -> list[int]:
    """Return the number of scores in each of the 20 bins [0, 0.05), … [0.95, 1]."""
    counts = [0] * BINS
    for score in scores:
        counts[_bin(score)] += 1
    return counts


def split_bins(
    scores: Sequence[float], threshold: float | None, words: CheckTexts, numbers: Numbers
) -> list[dict[str, Any]]:
    """Return a row for each bar: non-empty bins, that of the threshold twice, stacked."""
    flagged = count_by_bin([score for score in scores if threshold is not None and score >= threshold])
    rows = []
    for place, count in enumerate(count_by_bin(scores)):
        calm = count - flagged[place]
        edges = {"from": round(place * BIN_WIDTH, 2), "to": round((place + 1) * BIN_WIDTH, 2)}
        name = f"{edges['from']:.2f}–{edges['to']:.2f}".replace(".", numbers.decimal_mark)
        if calm:
            rows.append({**edges, "bin": name, "side": words.chart_below, "count": calm, "low": 0, "high": calm})
        if flagged[place]:
            rows.append(
                {**edges, "bin": name, "side": words.chart_above, "count": flagged[place], "low": calm, "high": count}
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
