"""Bytes to columns: opens the messages of a batch, checks the fields the model needs, rejects what cannot be scored."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.common.errors import Reason, Reject
from services.common.message import NUMBERS, FieldReader
from services.common.values import MISSING, BadValue, ValueRepair, read_time
from services.scorer.event_time import parse_times, seconds_of

REQUIRED_FIELDS = ("transaction_time", "amount", "cat_id")
"""Without these a transaction cannot be scored; every other field may be missing, and is NaN or None then."""

AMOUNT_LIMIT = 1e12


@dataclass(frozen=True, slots=True)
class Columns:
    """n decoded transactions, column by column, in the order of the messages.

    Attributes:
        ids: transaction ids [n].
        rows: places of the transactions in the list of messages, ascending, int64 [n].
        seconds: event times in seconds since 1970-01-01, local time, int64 [n].
        numbers: float64 [n] a field; NaN where the field is missing.
        texts: list [n] a field; None where the field is missing.
        past: what each transaction sees of its customer's past, float64 [n, len(PAST)] of services.scorer.history;
            None without a history.
        repaired: kind -> messages that were read in another spelling than the contract's.
    """

    ids: list[str]
    rows: NDArray[np.int64]
    seconds: NDArray[np.int64]
    numbers: dict[str, NDArray[np.float64]]
    texts: dict[str, list[str | None]]
    past: NDArray[np.float64] | None = None
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
            None if self.past is None else self.past[places],
            self.repaired,
        )


Rejects = dict[int, Reject]
"""Place in the list of messages -> why it cannot be scored."""


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
        seconds = _time_column(values["transaction_time"], found, of_times)
        numbers = {name: _number_column(name, values[name], found) for name in self.fields if name in NUMBERS}
        texts = {name: list(values[name]) for name in self.fields if name not in NUMBERS and name != "transaction_time"}
        if found:
            rejects |= {rows[place]: reject for place, reject in found.items()}
            good = [place for place in range(len(ids)) if place not in found]
            left = {name: [column[k] for k in good] for name, column in values.items()}
            return self._to_columns([ids[k] for k in good], [rows[k] for k in good], left, rejects, repaired)
        return Columns(ids, np.array(rows, np.int64), seconds, numbers, texts, repaired=repaired + of_times)


def _time_column(times: Sequence[str], found: Rejects, repaired: Counter[ValueRepair]) -> NDArray[np.int64]:
    """Return the seconds of times, int64 [n]; those of another form than the contract's are read one by one."""
    seconds, valid = parse_times(times)
    for place in np.flatnonzero(~valid).tolist():
        try:
            moment = read_time(times[place])
        except BadValue as bad:
            found.setdefault(place, _time_reject(times[place], bad))
        else:
            seconds[place] = seconds_of(moment.time)
            repaired.update(moment.repairs)
    return seconds


def _time_reject(text: str, bad: BadValue) -> Reject:
    if text.strip() in MISSING:
        return Reject(Reason.MISSING_FIELD, "transaction_time", "the value is missing")
    return Reject(Reason.BAD_TIME, "transaction_time", f"got text that {bad}")


def _number_column(field: str, values: Sequence[float | None], found: Rejects) -> NDArray[np.float64]:
    column = np.array(values, np.float64)  # None becomes NaN
    if field in REQUIRED_FIELDS:
        for place in np.flatnonzero(~(np.abs(column) <= AMOUNT_LIMIT)).tolist():
            message = f"not a finite number within {AMOUNT_LIMIT:.0e}"
            found.setdefault(place, Reject(Reason.OUT_OF_RANGE, field, message))
    else:
        column[~np.isfinite(column)] = np.nan
    return column
