"""Bytes to columns: opens the messages of a batch, checks the fields the model needs, rejects what cannot be scored."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from services.common.contract.model import Contract, FieldSpec
from services.common.errors import Reason, Reject
from services.common.reading.message import FieldReader
from services.common.reading.values import (
    LAST_SECOND,
    MISSING,
    UNITS_A_SECOND,
    BadValue,
    Unit,
    ValueRepair,
    read_epoch,
    read_time,
)
from services.scorer.event_time import parse_times, seconds_of

if TYPE_CHECKING:
    from services.scorer.history.look_back import Reading


@dataclass(frozen=True, slots=True)
class Columns:
    """n decoded transactions, column by column, in the order of the messages.

    Attributes:
        ids: transaction ids [n].
        rows: places of the transactions in the list of messages, ascending, int64 [n].
        seconds: event times in seconds since 1970-01-01, local time, int64 [n]; zeros if the contract has none.
        numbers: float64 [n] a field, NaN where the field is missing; other times too, in seconds since 1970-01-01.
        texts: list [n] a field; None where the field is missing.
        past: what each transaction sees of its customer's past, float64 [n] a reading; {} without a history.
        repaired: kind -> messages that were read in another spelling than the contract's.
    """

    ids: list[str]
    rows: NDArray[np.int64]
    seconds: NDArray[np.int64]
    numbers: dict[str, NDArray[np.float64]]
    texts: dict[str, list[str | None]]
    past: Mapping["Reading", NDArray[np.float64]] = field(default_factory=dict)
    repaired: Counter[ValueRepair] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, places: NDArray[np.intp]) -> "Columns":
        """Return the transactions at these places, ascending, int [m]; `repaired` still counts all."""
        return Columns(
            [self.ids[place] for place in places.tolist()],
            self.rows[places],
            self.seconds[places],
            {field: column[places] for field, column in self.numbers.items()},
            {field: [column[place] for place in places.tolist()] for field, column in self.texts.items()},
            {reading: column[places] for reading, column in self.past.items()},
            self.repaired,
        )

    @classmethod
    def at(cls, seconds: NDArray[np.int64]) -> Self:
        """Return columns that have event times alone, int64 [n]."""
        return cls([], np.empty(0, np.int64), seconds, {}, {})


Rejects = dict[int, Reject]
"""Place in the list of messages -> why it cannot be scored."""


class Decoder:
    """Decodes messages into the columns of the given fields (and the required ones)."""

    def __init__(self, contract: Contract, fields: Iterable[str]) -> None:
        optional = sorted(set(fields) - set(contract.required))
        self.fields = (*contract.required, *optional)
        self._event_time = contract.record.event_time
        self._specs = {name: contract.fields[name] for name in self.fields}
        self._required = frozenset(contract.required)
        self._reader = FieldReader(contract, contract.required, optional)

    def decode(self, values: Sequence[bytes | None], new_id: Callable[[int], str]) -> tuple[Columns, Rejects]:
        """Return the columns of the messages that can be scored, and the rejects among them.

        Args:
            values: the messages' bytes [m].
            new_id: returns the id of the message at a place, for messages without one.
        """
        picked = self._reader.read(values, new_id)
        columns = dict(zip(self.fields, picked.columns, strict=True))
        decoded = self._to_columns(picked.ids, picked.places, columns, picked.rejects, picked.repaired)
        return decoded, picked.rejects

    def _to_columns(
        self,
        ids: list[str],
        rows: list[int],
        values: Mapping[str, Sequence[Any]],
        rejects: Rejects,
        repaired: Counter[ValueRepair],
    ) -> Columns:
        """Convert a field at a time; a value out of range rejects its row, and the others are converted again."""
        found: Rejects = {}
        of_times: Counter[ValueRepair] = Counter()
        seconds = np.zeros(len(ids), np.int64)
        numbers: dict[str, NDArray[np.float64]] = {}
        texts: dict[str, list[str | None]] = {}
        for name, spec in self._specs.items():
            if spec.unit is not None:
                times = _epoch_column(name, spec.unit, values[name], found)
                if name == self._event_time:
                    seconds = times.astype(np.int64)
                else:
                    numbers[name] = times
            elif name == self._event_time:
                seconds = _time_column(name, values[name], found, of_times)
            elif spec.type == "time":
                numbers[name] = _optional_times(name, values[name], found, of_times)
            elif spec.is_number:
                numbers[name] = _number_column(name, spec, values[name], found, required=name in self._required)
            else:
                texts[name] = list(values[name])
        if found:
            rejects |= {rows[place]: reject for place, reject in found.items()}
            good = [place for place in range(len(ids)) if place not in found]
            left = {name: [column[k] for k in good] for name, column in values.items()}
            return self._to_columns([ids[k] for k in good], [rows[k] for k in good], left, rejects, repaired)
        return Columns(ids, np.array(rows, np.int64), seconds, numbers, texts, repaired=repaired + of_times)


def _time_column(field: str, times: Sequence[str], found: Rejects, repaired: Counter[ValueRepair]) -> NDArray[np.int64]:
    """Return the seconds of times, int64 [n]; those of another form than the contract's are read one by one."""
    seconds, valid = parse_times(times)
    for place in np.flatnonzero(~valid).tolist():
        try:
            moment = read_time(times[place])
        except BadValue as bad:
            found.setdefault(place, _time_reject(field, times[place], bad))
        else:
            seconds[place] = seconds_of(moment.time)
            repaired.update(moment.repairs)
    return seconds


def _optional_times(
    field: str, times: Sequence[str | None], found: Rejects, repaired: Counter[ValueRepair]
) -> NDArray[np.float64]:
    """Return the seconds of times, float64 [n], NaN where one is missing."""
    given = [place for place, text in enumerate(times) if text is not None and text.strip() not in MISSING]
    seconds, refused = np.full(len(times), np.nan), dict[int, Reject]()
    seconds[given] = _time_column(field, [times[place] or "" for place in given], refused, repaired)
    for place, reject in refused.items():
        found.setdefault(given[place], reject)
    return seconds


def _epoch_column(field: str, unit: Unit, values: Sequence[float | None], found: Rejects) -> NDArray[np.float64]:
    """Return the whole seconds of times given as numbers, float64 [n], NaN where one is missing (0 where rejected)."""
    seconds = np.floor(np.array(values, np.float64) / UNITS_A_SECOND[unit])  # None becomes NaN
    outside = (seconds < 0) | (seconds > LAST_SECOND)
    for place in np.flatnonzero(outside).tolist():
        try:
            read_epoch(float(values[place] or 0), unit)
        except BadValue as bad:
            found.setdefault(place, Reject(Reason.BAD_TIME, field, f"got a number that {bad}"))
    seconds[outside] = 0
    return seconds


def _time_reject(field: str, text: str, bad: BadValue) -> Reject:
    if text.strip() in MISSING:
        return Reject(Reason.MISSING_FIELD, field, "the value is missing")
    return Reject(Reason.BAD_TIME, field, f"got text that {bad}")


def _number_column(
    field: str, spec: FieldSpec, values: Sequence[float | None], found: Rejects, *, required: bool
) -> NDArray[np.float64]:
    """Return numbers, float64 [n]. One that is not finite is missing, or rejected if it is required."""
    column = np.array(values, np.float64)  # None becomes NaN
    missing = ~np.isfinite(column)
    if required or spec.min is not None or spec.max is not None:
        low, high = -math.inf if spec.min is None else spec.min, math.inf if spec.max is None else spec.max
        outside = (column < low) | (column > high) | (missing if required else False)
        for place in np.flatnonzero(outside).tolist():
            message = f"not a finite number of {low:g} to {high:g}"
            found.setdefault(place, Reject(Reason.OUT_OF_RANGE, field, message))
    column[missing] = np.nan
    return column
