"""What a measurement says: a figure, its spread over the rounds, and the goal it is held against. Pure."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict


class Figure(TypedDict):
    """One figure, as it is kept in JSON; `value` is the median of the rounds, `low` and `high` their ends."""

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
    """What a figure should be: at least, at most, or both."""

    at_least: float = -math.inf
    at_most: float = math.inf

    def met(self, value: float) -> bool:
        """Return whether a value is as it should be."""
        return self.at_least <= value <= self.at_most

    def __str__(self) -> str:
        if math.isinf(self.at_most):
            return f"≥ {self.at_least:g}"
        if math.isinf(self.at_least):
            return f"≤ {self.at_most:g}"
        return f"{self.at_least:g} to {self.at_most:g}"


def figure(what: str, rounds: Sequence[float], unit: str, *, goal: Goal | None = None, note: str = "") -> Figure:
    """Return a figure of the values that the rounds gave, at least one."""
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
    """Return how values compare with limits taken in the same rounds: the ratios of each round, not of the medians.

    What slows a whole round down slows both, so the spread of the ratios is the smaller one.
    """
    ratios = [value / limit for value, limit in zip(values, limits, strict=True)]
    return figure(what, ratios, "x", goal=goal, note=note)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of the values lies: the nearest rank, so one that was measured."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def significant(value: float, digits: int = 4) -> float:
    """Return a value rounded to its first digits; what stands behind them is noise."""
    return round(value, digits - 1 - math.floor(math.log10(abs(value)))) if value else 0.0
