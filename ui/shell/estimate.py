"""A figure that is not known exactly."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with the limits of its 95 % interval."""

    value: float
    low: float
    high: float
