"""Turns a row's cells into a payment ready to send, mending or refusing. Knows nothing of files or of Kafka.

This is what the sender means by a row; `clean.py` gives the same for rows that need no mending, faster.
"""

import csv
import math
import re
from collections import Counter
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from services.common.contract import DECIMAL_FIELDS, FIELDS, INTEGER_FIELDS, customer_key, row_id
from services.common.envelope import check_id
from services.common.errors import Reject
from services.sender.dialect import ID_COLUMN, NEEDED, Dialect
from services.sender.records import Record
from services.sender.report import BadRow, Repair, RowFault

VALUE_MAX_BYTES = 1 << 18
"""A quarter of what a broker takes by default (message.max.bytes, 1 MiB)."""

DATE = re.compile(r"(?:19[7-9]\d|20\d\d)-\d{2}-\d{2}", re.ASCII)
"""Years 1970 to 2099: of any other the scorer takes the clock to be wrong."""
_TIME = re.compile(rf"({DATE.pattern})([ T])((?:[01]\d|2[0-3]):[0-5]\d)(:[0-5]\d)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
DAY_SECONDS = 86_400
AMOUNT_LIMIT = 1e12
"""The scorer scores no larger amount."""
INTEGER_LIMIT = 1 << 53
"""Beyond this, readers of JSON that know only floating point lose digits (RFC 8259, section 6)."""


Payment = tuple[int, bytes | None, bytes]
"""Event time in seconds, counted from a day long ago; the Kafka key; the message of `transactions`."""


class RowEncoder:
    """Encodes rows of one file, one by one. Repairs of the rows that can be sent are counted in `repaired`."""

    def __init__(self, dialect: Dialect, namespace: UUID, repaired: Counter[Repair]) -> None:
        self._dialect = dialect
        self._namespace = namespace
        self._repaired = repaired

    def encode(self, record: Record, row: int) -> Payment | None:
        """Return the payment in a row, mending what can be mended; None if all its cells are empty.

        `row` is its number, from 1: the id is made of it.

        Raises:
            BadRow: the row cannot be sent.
        """
        if isinstance(record, BadRow):
            raise record
        mended: list[Repair] = []
        cells = self._fit(record, mended)
        if not any(cells):
            self._repaired[Repair.EMPTY_ROW_SKIPPED] += 1
            return None
        positions = self._dialect.positions
        texts = {field: cells[positions[field]] if field in positions else "" for field in FIELDS}
        for field in NEEDED:
            if not texts[field]:
                raise BadRow(RowFault.EMPTY_CELL, field, "is empty, but needed")
        data: dict[str, Any] = {field: text or None for field, text in texts.items()}
        data["transaction_time"], seconds = _read_time(texts["transaction_time"], mended)
        for field in (*DECIMAL_FIELDS, *INTEGER_FIELDS):
            if texts[field]:
                data[field] = self._read_number(field, texts[field], mended)
        value = orjson.dumps({ID_COLUMN: self._id_of(cells, row, mended), "data": data})
        if len(value) > VALUE_MAX_BYTES:
            raise BadRow(RowFault.TOO_LARGE, "", f"takes {len(value)} bytes, at most {VALUE_MAX_BYTES} can be sent")
        self._repaired.update(set(mended))
        return seconds, customer_key(data), value

    def _fit(self, cells: list[str], mended: list[Repair]) -> list[str]:
        """Return as many cells as the header has, without spaces around them."""
        width = self._dialect.width
        if len(cells) == 1 < width and self._dialect.separator in cells[0]:
            cells = self._opened(cells[0])
            mended.append(Repair.QUOTED_ROW)
        trimmed = [cell.strip() for cell in cells]
        if trimmed != cells:
            mended.append(Repair.SPACES_TRIMMED)
        if not any(trimmed):
            return []
        if len(trimmed) < width:
            raise BadRow(RowFault.SHORT_ROW, "", f"has {len(trimmed)} cells, the header {width}")
        if any(trimmed[width:]):
            raise BadRow(RowFault.LONG_ROW, "", f"has {len(trimmed)} cells, the header {width}: an unquoted separator?")
        if len(trimmed) > width:
            mended.append(Repair.TRAILING_CELLS_DROPPED)
        return trimmed[:width]

    def _opened(self, text: str) -> list[str]:
        """Return the cells of a row that a spreadsheet has saved as one quoted cell."""
        try:
            (cells,) = self._dialect.split([text])
        except (csv.Error, ValueError):
            raise BadRow(RowFault.BAD_QUOTES, "", "the row is quoted as one cell, and broken inside") from None
        return cells

    def _id_of(self, cells: list[str], row: int, mended: list[Repair]) -> str:
        """Return the row's own id if it has a valid one, else the one made of file and row."""
        position = self._dialect.positions.get(ID_COLUMN)
        if position is None:
            return row_id(self._namespace, row)
        try:
            check_id(cells[position])
        except Reject:
            mended.append(Repair.ID_REPLACED)
            return row_id(self._namespace, row)
        return cells[position]

    def _read_number(self, field: str, text: str, mended: list[Repair]) -> int | float:
        """Return a finite decimal, or an integer that any reader of JSON can hold."""
        if "," in text and self._dialect.separator != ",":
            text = text.replace(",", ".")
            mended.append(Repair.DECIMAL_COMMA)
        if not _NUMBER.fullmatch(text):
            raise BadRow(RowFault.BAD_NUMBER, field, "is not a number")
        number = float(text)
        if not math.isfinite(number) or (field == "amount" and abs(number) > AMOUNT_LIMIT):
            raise BadRow(RowFault.OUT_OF_RANGE, field, "is too large a number")
        if field in DECIMAL_FIELDS:
            return number
        if not number.is_integer():
            raise BadRow(RowFault.BAD_NUMBER, field, "is not a whole number")
        if abs(number) >= INTEGER_LIMIT:
            raise BadRow(RowFault.OUT_OF_RANGE, field, "is too large a number")
        if not text.lstrip("+-").isdigit():
            mended.append(Repair.WHOLE_NUMBER_WITH_POINT)
        return int(number)


def _read_time(text: str, mended: list[Repair]) -> tuple[str, int]:
    """Return the time as `YYYY-MM-DD HH:MM[:SS]`, and its seconds."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise BadRow(
            RowFault.BAD_TIME, "transaction_time", "is not a time like 2019-09-14 02:46 or 2019-09-14 02:46:30"
        )
    day, between, clock, seconds = match.groups(default="")
    try:
        time = datetime.fromisoformat(f"{day} {clock}{seconds}")
    except ValueError:
        raise BadRow(RowFault.BAD_TIME, "transaction_time", "is no day of the calendar") from None
    if between == "T":
        mended.append(Repair.TIME_WITH_T)
    if seconds:
        mended.append(Repair.TIME_WITH_SECONDS)
    since_midnight = time.hour * 3600 + time.minute * 60 + time.second
    return f"{day} {clock}{seconds}", time.toordinal() * DAY_SECONDS + since_midnight
