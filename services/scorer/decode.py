"""Bytes to columns: opens the messages of a batch, checks the fields the model needs, rejects what cannot be scored.

Knows nothing of Kafka and of what the model does with the fields.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.common.errors import Reason, Reject
from services.scorer.clock import parse_times
from services.scorer.fields import NUMBERS, FieldReader, Picked

REQUIRED_FIELDS = ("transaction_time", "amount", "cat_id")
"""Without these no payment can be scored; every other field may be missing and is NaN or None then."""

AMOUNT_LIMIT = 1e12


@dataclass(frozen=True, slots=True)
class Columns:
    """n decoded transactions, column by column, in the order of the messages.

    Attributes:
        ids: transaction ids [n].
        rows: places of the transactions in the list of messages, ascending, int64 [n].
        seconds: event times in seconds since 1970-01-01, local to the payment, int64 [n].
        numbers: float64 [n] a field; NaN where the field is missing.
        texts: list [n] a field; None where the field is missing.
        past: what each payment sees of its customer's past, float64 [n, len(PAST)] of services.scorer.history; None
            where there is no history.
    """

    ids: list[str]
    rows: NDArray[np.int64]
    seconds: NDArray[np.int64]
    numbers: dict[str, NDArray[np.float64]]
    texts: dict[str, list[str | None]]
    past: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.ids)


Rejects = dict[int, Reject]
"""What could not be decoded: place in the list of messages -> why."""


class Decoder:
    """Decodes messages into the columns of the given fields (and the required ones)."""

    def __init__(self, fields: Iterable[str]) -> None:
        optional = sorted(set(fields) - set(REQUIRED_FIELDS))
        self.fields = (*REQUIRED_FIELDS, *optional)
        self._reader = FieldReader(REQUIRED_FIELDS, optional)

    def decode(self, values: Sequence[bytes | None], new_id: Callable[[int], str]) -> tuple[Columns, Rejects]:
        """Return the columns of the messages that can be scored, and the rejects among them.

        Args:
            values: the messages' bytes [m].
            new_id: gives the id of the message at a place, for those that came without one.
        """
        ids, rows, picked, rejects = self._reader.read(values, new_id)
        return self._to_columns(ids, rows, picked, rejects), rejects

    def _to_columns(self, ids: list[str], rows: list[int], picked: list[Picked], rejects: Rejects) -> Columns:
        """Convert a field at a time; a value that does not fit rejects its row, and the rest is converted again."""
        found: Rejects = {}
        values = (
            dict(zip(self.fields, zip(*picked, strict=True), strict=True)) if picked else dict.fromkeys(self.fields, ())
        )
        seconds = _time_column(values["transaction_time"], found)
        numbers = {field: _number_column(field, values[field], found) for field in self.fields if field in NUMBERS}
        texts = {
            field: _text_column(field, values[field], found)
            for field in self.fields
            if field not in NUMBERS and field != "transaction_time"
        }
        if found:
            rejects |= {rows[place]: reject for place, reject in found.items()}
            kept = [place for place in range(len(ids)) if place not in found]
            return self._to_columns([ids[k] for k in kept], [rows[k] for k in kept], [picked[k] for k in kept], rejects)
        return Columns(ids, np.array(rows, np.int64), seconds, numbers, texts)


def _time_column(values: Sequence[Any], found: Rejects) -> NDArray[np.int64]:
    times = [value or "" for value in _text_column("transaction_time", values, found)]
    seconds, valid = parse_times(times)
    for place in np.flatnonzero(~valid).tolist():
        message = "not a time like 2019-09-14 02:46 of a day that exists"
        found.setdefault(place, Reject(Reason.BAD_TIME, "transaction_time", message))
    return seconds


def _number_column(field: str, values: Sequence[Any], found: Rejects) -> NDArray[np.float64]:
    if not set(map(type, values)) <= {float, int}:
        for place, value in enumerate(values):
            if type(value) is not float and type(value) is not int:
                _refuse(found, place, field, "a number", value)
        values = [value if type(value) is float or type(value) is int else math.nan for value in values]
    column = _to_floats(values)
    if field in REQUIRED_FIELDS:
        for place in np.flatnonzero(~(np.abs(column) <= AMOUNT_LIMIT)).tolist():
            message = f"not a finite number within {AMOUNT_LIMIT:.0e}"
            found.setdefault(place, Reject(Reason.OUT_OF_RANGE, field, message))
    else:
        column[~np.isfinite(column)] = np.nan
    return column


def _to_floats(values: Sequence[float]) -> NDArray[np.float64]:
    try:
        return np.array(values, np.float64)
    except OverflowError:
        return np.array(list(map(_to_float, values)), np.float64)


def _to_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer of more than 308 digits
        return math.inf if value > 0 else -math.inf


def _text_column(field: str, values: Sequence[Any], found: Rejects) -> list[str | None]:
    if not set(map(type, values)) <= {str}:
        for place, value in enumerate(values):
            if type(value) is not str:
                _refuse(found, place, field, "text", value)
        return [value if type(value) is str else None for value in values]
    return list(values)


def _refuse(found: Rejects, place: int, field: str, wanted: str, value: Any) -> None:
    """Reject a value of the wrong type; None and NaN are missing values, and only required fields miss them."""
    missing = value is None or value != value  # noqa: PLR0124  # only NaN differs from itself
    if not missing:
        found.setdefault(place, Reject(Reason.BAD_TYPE, field, f"expected {wanted}, got {type(value).__name__}"))
    elif field in REQUIRED_FIELDS:
        found.setdefault(place, Reject(Reason.MISSING_FIELD, field, "the value is missing"))
