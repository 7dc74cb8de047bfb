"""Reads the rows that a model is adopted with: a CSV file with a header, or JSON, an object a line."""

import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from services.common.contract.model import Kind
from services.common.errors import Stop
from services.common.reading.numbers import PLAIN
from services.common.reading.values import LAST_SECOND, MISSING, UNITS_A_SECOND, BadValue, Unit, read_time

MOST_ROWS = 10_000
"""Rows that are looked at: the first."""

MOST_VALUES = 50
"""A text with fewer different values than this, each of them repeated, is taken for a category."""

EPOCH_FROM = 1_000_000_000
"""2001-09-09, in seconds since 1970: no number of seconds from here on is also a likely number of milliseconds."""

_TIME_NAME = re.compile(r"time|date|epoch|(?:^|_)ts$|_at$", re.IGNORECASE)

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Column:
    """What the sample shows of a column: its type, whether every row has it, and its texts if they are few.

    `unit` is that of times written as numbers.
    """

    name: str
    kind: Kind
    always_there: bool
    values: tuple[str, ...]
    is_unique: bool
    unit: Unit | None = None


def read_sample(path: Path) -> Rows:
    """Return the first rows, each column -> value; a cell of a CSV file is a number where it looks like one.

    Raises:
        Stop: the file cannot be read, or has no rows.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            start = file.read(1)
            file.seek(0)
            if start == "{":
                rows = [orjson.loads(line) for line, _ in zip(file, range(MOST_ROWS), strict=False) if line.strip()]
                rows = [row.get("data", row) for row in rows]
            else:
                rows = [_cells(row) for row, _ in zip(csv.DictReader(file), range(MOST_ROWS), strict=False)]
    except (OSError, ValueError, AttributeError, csv.Error) as error:
        raise Stop(f"{path} cannot be read: {error}") from error
    if not rows:
        raise Stop(f"{path} has no rows")
    return rows


def describe(rows: Rows) -> list[Column]:
    """Return what the rows show of each column, in their order."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [_describe(name, [row.get(name) for row in rows]) for name in names]


def _cells(row: dict[str | Any, str | Any]) -> dict[str, Any]:
    return {name.strip(): _value(cell) for name, cell in row.items() if isinstance(name, str)}


def _value(cell: Any) -> Any:
    if not isinstance(cell, str) or (cell := cell.strip()) in MISSING:
        return None
    if PLAIN.fullmatch(cell):
        return int(cell) if cell.lstrip("+-").isdigit() else float(cell)
    return cell


def _describe(name: str, values: Sequence[Any]) -> Column:
    given = [value for value in values if value is not None and value == value]  # noqa: PLR0124  # NaN is not itself
    kind = _kind(given)
    unit = _unit(given) if kind == "integer" and _TIME_NAME.search(name) else None
    different = {str(value) for value in given}
    few = kind == "text" and len(different) <= min(MOST_VALUES, len(given) / 2)
    return Column(
        name,
        "time" if unit else kind,
        always_there=len(given) == len(values),
        values=tuple(sorted(different)) if few else (),
        is_unique=len(different) == len(values),
        unit=unit,
    )


def _kind(given: Sequence[Any]) -> Kind:
    if given and all(isinstance(value, int | float) and math.isfinite(value) for value in given):
        return "integer" if all(isinstance(value, int) for value in given) else "number"
    return "time" if given and all(_is_time(value) for value in given) else "text"


def _unit(given: Sequence[int]) -> Unit | None:
    """Return the unit in which all are times since 1970 of this century, None if there is none."""
    for unit, scale in UNITS_A_SECOND.items():
        if EPOCH_FROM * scale <= min(given) <= max(given) <= LAST_SECOND * scale:
            return unit
    return None


def _is_time(value: Any) -> bool:
    try:
        read_time(value if isinstance(value, str) else "")
    except BadValue:
        return False
    return True
