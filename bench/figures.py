"""Figures of a measurement: the median, its spread over the rounds, and the goal."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict


class Figure(TypedDict):
    """One figure, as stored in JSON; `value` is the median of the rounds, `low` and `high` the extremes."""

    what: str
    unit: str
    value: float
    low: float
    high: float
    rounds: list[float]
    goal: NotRequired[str]
    met: NotRequired[bool]
    note: NotRequired[str]


Figures = dict[str, Figure]


@dataclass(frozen=True, slots=True)
class Goal:
    """The range in which a figure should be."""

    at_least: float = -math.inf
    at_most: float = math.inf

    def met(self, value: float) -> bool:
        """Return whether a value is in the range."""
        return self.at_least <= value <= self.at_most

    def __str__(self) -> str:
        if math.isinf(self.at_most):
            return f"≥ {self.at_least:g}"
        if math.isinf(self.at_least):
            return f"≤ {self.at_most:g}"
        return f"{self.at_least:g} to {self.at_most:g}"


def figure(what: str, rounds: Sequence[float], unit: str, *, goal: Goal | None = None, note: str = "") -> Figure:
    """Return the figure of the values of the rounds, of which there is at least one."""
    value = significant(statistics.median(rounds))
    made = Figure(
        what=what,
        unit=unit,
        value=value,
        low=significant(min(rounds)),
        high=significant(max(rounds)),
        rounds=[significant(one) for one in rounds],
    )
    if goal:
        made |= {"goal": str(goal), "met": goal.met(statistics.median(rounds))}
    if note:
        made["note"] = note
    return made


def ratio(
    what: str, values: Sequence[float], limits: Sequence[float], *, goal: Goal | None = None, note: str = ""
) -> Figure:
    """Return the ratios of values and limits of the same rounds, not the ratio of their medians.

    What slows down a whole round slows down both, so the ratios spread less than the values.
    """
    ratios = [value / limit for value, limit in zip(values, limits, strict=True)]
    return figure(what, ratios, "x", goal=goal, note=note)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the percentile of a share in (0, 1] by the nearest rank: a value that was measured."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def significant(value: float, digits: int = 4) -> float:
    """Return a value rounded to its significant digits; the rest is noise."""
    return round(value, digits - 1 - math.floor(math.log10(abs(value)))) if value else 0.0
