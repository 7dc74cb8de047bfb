"""Draws the live view's charts as HTML and SVG. Pure; knows no data but numbers.

Shapes are drawn in percent and stretch to their box, words are HTML beside them: nothing is laid out by the browser's
scripts, so a chart that is drawn anew every other second costs next to nothing and does not flicker.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

TICK_ROUNDS = (1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis from 0 to `top`, heights on it growing with log(1 + value) if it is logarithmic."""

    top: float
    marks: tuple[float, ...]
    logarithmic: bool = False

    def height(self, value: float) -> float:
        """Return how high a value stands, in [0, 1]."""
        return math.log1p(value) / math.log1p(self.top) if self.logarithmic else value / self.top


def linear(most: float) -> Axis:
    """Return an axis that holds `most` and ends with a round number."""
    top = nice_top(most)
    return Axis(top, (0.0, top / 2, top))


def logarithmic(most: float) -> Axis:
    """Return an axis that ends with `most`, marked at 0 and at powers of ten."""
    top = max(1.0, most)
    return Axis(top, (0.0, *(10.0**power for power in range(math.floor(math.log10(top)) + 1))), logarithmic=True)


def timeline(rates: Sequence[float], flagged: Sequence[int], since: int, axis: Axis, label: str) -> str:
    """Return the line of rates, marks below it where something was flagged, and a band where nothing is known.

    Args:
        rates: a second, one a bucket.
        flagged: transactions, one a bucket.
        since: first bucket that is known.
        axis: of the rates.
        label: the chart in words.
    """
    step = 100 / max(1, len(rates))
    points = [
        f"{(place + 0.5) * step:.2f},{100 - 100 * axis.height(rate):.2f}"
        for place, rate in enumerate(rates)
        if place >= since
    ]
    first, last = (since + 0.5) * step, (len(rates) - 0.5) * step
    area = f'<polygon class="area" points="{first:.2f},100 {" ".join(points)} {last:.2f},100"/>' if points else ""
    line = f'<polyline class="line" points="{" ".join(points)}"/>' if points else ""
    unknown = f'<rect class="unknown" x="0" y="0" width="{since * step:.2f}" height="100"/>' if since else ""
    most = max(flagged, default=0)
    marks = "".join(
        f'<rect class="mark" x="{place * step:.2f}" y="0" width="{step * 0.8:.2f}" height="100"'
        f' opacity="{0.35 + 0.65 * count / most:.2f}"/>'
        for place, count in enumerate(flagged)
        if count and place >= since
    )
    return (
        f'<div class="plot" role="img" aria-label="{escape(label)}">'
        f"{_svg('shape', unknown + _grid(axis) + area + line)}{_svg('marks', marks)}</div>"
    )


def density(counts: Sequence[int], threshold: float | None, labels: Sequence[str], axis: Axis, label: str) -> str:
    """Return bars of counts over scores from 0 to 1, those above the threshold in another colour.

    Args:
        counts: one a bin of equal width.
        threshold: in [0, 1]; None if not known.
        labels: of each bar, in words.
        axis: of the counts.
        label: the chart in words.
    """
    heights, step = [100 * axis.height(count) for count in counts], 100 / len(counts)
    bars = "".join(
        f'<rect class="{_side(place, len(counts), threshold)}" x="{place * step + 0.15:.2f}"'
        f' y="{100 - max(0.8, height):.2f}" width="{step - 0.3:.2f}" height="{max(0.8, height):.2f}">'
        f"<title>{escape(words)}</title></rect>"
        for place, (height, words) in enumerate(zip(heights, labels, strict=True))
        if height
    )
    rule = "" if threshold is None else f'<i class="rule" style="left:{threshold * 100:.2f}%"></i>'
    return f'<div class="plot" role="img" aria-label="{escape(label)}">{_svg("shape", _grid(axis) + bars)}{rule}</div>'


def nice_top(most: float) -> float:
    """Return the end of an axis that holds `most`: 1, 2 or 5 times a power of ten, at least 1."""
    if most <= 1:
        return 1.0
    power = 10 ** math.floor(math.log10(most))
    return float(next(times * power for times in TICK_ROUNDS if times * power >= most))


def _side(place: int, bins: int, threshold: float | None) -> str:
    """Return the class of a bar: the bin of the threshold counts as above it from its middle on."""
    return "above" if threshold is not None and (place + 0.5) / bins >= threshold else "below"


def _grid(axis: Axis) -> str:
    heights = [100 - 100 * axis.height(mark) for mark in axis.marks]
    return "".join(f'<line class="grid" x1="0" x2="100" y1="{at:.2f}" y2="{at:.2f}"/>' for at in heights)


def _svg(kind: str, inside: str) -> str:
    return f'<svg class="{kind}" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">{inside}</svg>'
