"""Draws the charts of the live tab as HTML and SVG.

Shapes are drawn in percent and stretch to their box, words are HTML beside them. No script of the browser lays anything
out, so a chart that is redrawn every other second costs next to nothing and does not flicker.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

TICK_ROUNDS = (1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class ChartAxis:
    """An axis from 0 to `top`; on a logarithmic one, heights grow with log(1 + value)."""

    top: float
    marks: tuple[float, ...]
    logarithmic: bool = False

    def height(self, value: float) -> float:
        """Return how high a value stands, in [0, 1]."""
        return math.log1p(value) / math.log1p(self.top) if self.logarithmic else value / self.top


def linear(most: float) -> ChartAxis:
    """Return an axis that holds `most` and ends with a round number."""
    top = nice_top(most)
    return ChartAxis(top, (0.0, top / 2, top))


def logarithmic(most: float) -> ChartAxis:
    """Return an axis that ends with `most`, marked at 0 and at powers of ten."""
    top = max(1.0, most)
    return ChartAxis(top, (0.0, *(10.0**power for power in range(math.floor(math.log10(top)) + 1))), logarithmic=True)


def timeline(rates: Sequence[float], flagged: Sequence[int], since: int, axis: ChartAxis, label: str) -> Markup:
    """Return the line of rates, marks below it where something was flagged, and a band where nothing is known.

    Args:
        rates: per second, one a bucket.
        flagged: transactions, one a bucket.
        since: first bucket that is known.
        axis: of the rates.
        label: the chart in words.
    """
    step = 100 / max(1, len(rates))
    points = " ".join(
        f"{(place + 0.5) * step:.2f},{100 - 100 * axis.height(rate):.2f}"
        for place, rate in enumerate(rates)
        if place >= since
    )
    shape = _grid(axis)
    if since:
        shape = Markup('<rect class="unknown" x="0" y="0" width="{:.2f}" height="100"/>').format(since * step) + shape
    if points:
        shape += Markup(
            '<polygon class="area" points="{first:.2f},100 {points} {last:.2f},100"/>'
            '<polyline class="line" points="{points}"/>'
        ).format(first=(since + 0.5) * step, points=points, last=(len(rates) - 0.5) * step)
    most = max(flagged, default=0)
    mark = Markup('<rect class="mark" x="{:.2f}" y="0" width="{:.2f}" height="100" opacity="{:.2f}"/>')
    marks = Markup().join(
        mark.format(place * step, step * 0.8, 0.35 + 0.65 * count / most)
        for place, count in enumerate(flagged)
        if count and place >= since
    )
    return _plot(label, _svg("shape", shape) + _svg("marks", marks))


def density(
    counts: Sequence[int], threshold: float | None, labels: Sequence[str], axis: ChartAxis, label: str
) -> Markup:
    """Return bars of counts over scores from 0 to 1, those above the threshold in another colour.

    Args:
        counts: one a bin of equal width.
        threshold: in [0, 1]; None if not known.
        labels: of each bar, in words.
        axis: of the counts.
        label: the chart in words.
    """
    heights, step = [100 * axis.height(count) for count in counts], 100 / len(counts)
    bar = Markup('<rect class="{}" x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"><title>{}</title></rect>')
    bars = Markup().join(
        bar.format(
            _side(place, len(counts), threshold),
            place * step + 0.15, 100 - max(0.8, height), step - 0.3, max(0.8, height), words,
        )
        for place, (height, words) in enumerate(zip(heights, labels, strict=True))
        if height
    )  # fmt: skip
    rule = (
        Markup() if threshold is None else Markup('<i class="rule" style="left:{:.2f}%"></i>').format(threshold * 100)
    )
    return _plot(label, _svg("shape", _grid(axis) + bars) + rule)


def nice_top(most: float) -> float:
    """Return the end of an axis that holds `most`: 1, 2 or 5 times a power of ten, at least 1."""
    if most <= 1:
        return 1.0
    power = 10 ** math.floor(math.log10(most))
    return float(next(times * power for times in TICK_ROUNDS if times * power >= most))


def _side(place: int, bins: int, threshold: float | None) -> str:
    """Return the class of a bar: a bin is above the threshold if its middle is."""
    return "above" if threshold is not None and (place + 0.5) / bins >= threshold else "below"


def _grid(axis: ChartAxis) -> Markup:
    line = Markup('<line class="grid" x1="0" x2="100" y1="{0:.2f}" y2="{0:.2f}"/>')
    return Markup().join(line.format(100 - 100 * axis.height(mark)) for mark in axis.marks)


def _svg(kind: str, inside: Markup) -> Markup:
    drawing = Markup('<svg class="{}" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{}</svg>')
    return drawing.format(kind, inside)


def _plot(label: str, inside: Markup) -> Markup:
    return Markup('<div class="plot" role="img" aria-label="{}">{}</div>').format(label, inside)
