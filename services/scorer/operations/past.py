"""The operations over the past of a record's key: what stands before it in event time, strictly earlier.

Each is a pure function of a LookBack and returns a column, [n]. `within` is a window such as "1h" or "30d", up to 30
days; without it the whole past counts. A window covers the newest 1,024 events of a key at most.
"""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from services.scorer.history.look_back import LookBack, Reading, Window
from services.scorer.operations.registry import Option, options_of

LONGEST_DAYS = 30

_WINDOW = re.compile(r"([1-9]\d{0,6})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}

Decimals = Annotated[int, Field(ge=0, le=9)]

Compute = Callable[..., NDArray[Any]]


@dataclass(frozen=True, slots=True)
class PastOperation:
    """An operation over the past.

    Attributes:
        takes_number: whether it is about a number, or its value in the contract is `true`.
        needs: what the history must keep of the number: "sum", "value", "min", "max".
        takes_window: whether it may be restricted by `within`.
        wants_all: whether a record without the number would make it wrong.
    """

    name: str
    compute: Compute
    takes_number: bool
    needs: tuple[str, ...]
    takes_window: bool
    wants_all: bool
    options: tuple[Option, ...]
    unit: str
    example: str

    @property
    def description(self) -> str:
        """Its docstring."""
        return inspect.getdoc(self.compute) or ""


PAST_OPERATIONS: dict[str, PastOperation] = {}
"""Every operation over the past, by its name in a contract."""


def past_operation(
    *,
    unit: str,
    example: str,
    needs: tuple[str, ...] = (),
    takes_window: bool = True,
    wants_all: bool = False,
) -> Callable[[Compute], Compute]:
    """Register a function as an operation over the past; its keyword-only parameters are options."""

    def register(function: Compute) -> Compute:
        name = function.__name__.removesuffix("_")
        takes_number = "number" in inspect.signature(function).parameters
        PAST_OPERATIONS[name] = PastOperation(
            name, function, takes_number, needs, takes_window, wants_all, options_of(function), unit, example
        )
        return function

    return register


def read_window(text: Any) -> Window:
    """Return the seconds of a window such as "90s", "30m", "1h" or "30d".

    Raises:
        ValueError: it is no such text, or longer than 30 days.
    """
    found = _WINDOW.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"within must be a text like 30m, 1h or 7d, not {text!r}")
    seconds = int(found[1]) * _SECONDS[found[2]]
    if seconds > LONGEST_DAYS * _SECONDS["d"]:
        raise ValueError(f"within may be {LONGEST_DAYS} days at most, not {text}")
    return seconds


@past_operation(unit="records", example='count_1h = { count = true, within = "1h" }')
def count(past: LookBack, within: Window) -> NDArray[Any]:
    """The number of records."""
    return past.count(within)


@past_operation(
    unit="of the number", needs=("sum",), example='sum_24h = { sum = "amount", within = "24h", decimals = 2 }'
)
def sum_(past: LookBack, within: Window, number: str, *, decimals: Decimals | None = None) -> NDArray[Any]:
    """The sum of a number, rounded to `decimals`; a missing number adds nothing."""
    return _rounded(past.sum(number, within), decimals)


@past_operation(
    unit="of the number", needs=("sum",), wants_all=True, example='mean_7d = { mean = "amount", within = "7d" }'
)
def mean(past: LookBack, within: Window, number: str, *, decimals: Decimals | None = None) -> NDArray[Any]:
    """The mean of a number; missing without any record."""
    counts = past.count(within)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(counts > 0, _rounded(past.sum(number, within) / counts, decimals), np.nan)


@past_operation(
    unit="of the mean", needs=("sum", "value"), wants_all=True,
    example='amount_over_mean = { ratio_to_mean = "amount", decimals = 4 }',
)  # fmt: skip
def ratio_to_mean(past: LookBack, within: Window, number: str, *, decimals: Decimals | None = None) -> NDArray[Any]:
    """The record's own number divided by the mean; missing without any record, or where the mean is 0."""
    counts = past.count(within)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = _rounded(past.own(number) * counts / past.sum(number, within), decimals)
    return np.where((counts > 0) & np.isfinite(found), found, np.nan)


@past_operation(unit="of the number", needs=("value", "min"), example='least_30d = { min = "amount", within = "30d" }')
def min_(past: LookBack, within: Window, number: str) -> NDArray[Any]:
    """The smallest number; missing without any."""
    return past.extreme(number, within, np.fmin, f"min {number}")


@past_operation(unit="of the number", needs=("value", "max"), example='most_30d = { max = "amount", within = "30d" }')
def max_(past: LookBack, within: Window, number: str) -> NDArray[Any]:
    """The largest number; missing without any."""
    return past.extreme(number, within, np.fmax, f"max {number}")


@past_operation(unit="of the number", needs=("value",), takes_window=False, example='last_amount = { last = "amount" }')
def last(past: LookBack, _: Window, number: str) -> NDArray[Any]:
    """The number of the last record; missing without any."""
    return past.last(f"value {number}")


@past_operation(unit="seconds", takes_window=False, example="since_last = { seconds_since_last = true }")
def seconds_since_last(past: LookBack, _: Window) -> NDArray[Any]:
    """The time since the last record; missing without any."""
    return past.seconds - past.last("seconds")


def to_reading(operation: PastOperation, number: str | None, within: Window, options: dict[str, Any]) -> Reading:
    """Return the reading of an operation."""

    def compute(past: LookBack, reading: Reading) -> NDArray[Any]:
        about = (reading.number,) if operation.takes_number else ()
        return operation.compute(past, reading.within, *about, **options)

    return Reading(operation.name, number, within, tuple(sorted(options.items())), compute=compute)


def _rounded(values: NDArray[np.float64], decimals: int | None) -> NDArray[np.float64]:
    return values if decimals is None else np.round(values, decimals)
