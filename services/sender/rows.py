"""Encodes a row's cells as a message of `transactions`, with repairs, or refuses the row.

This defines what a row means; `fast_rows.py` gives the same bytes for rows that need no repair, faster.
"""

import csv
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from services.common.contract import DECIMAL_FIELDS, FIELDS, INTEGER_FIELDS, customer_key
from services.common.errors import Reject
from services.common.manifest import current_manifest
from services.common.message import check_id
from services.common.numbers import PLAIN, Mark, read_number
from services.common.values import GENDERS, MISSING, BadValue, Spellings, missing_words, read_time
from services.sender.dialect import ID_COLUMN, REQUIRED, Dialect
from services.sender.ids import OCTETS, content_ids, message_of
from services.sender.records import Record
from services.sender.report import BadRow, Repair, RowFault, UnknownValues

VALUE_MAX_BYTES = 1 << 18
"""A quarter of what a broker takes by default (message.max.bytes, 1 MiB)."""

DAY_SECONDS = 86_400
AMOUNT_LIMIT = 1e12
"""The scorer scores no larger amount."""
INTEGER_LIMIT = 1 << 53
"""Beyond this, readers of JSON that know only floating point lose digits (RFC 8259, section 6)."""

NUMBER_FIELDS = (*DECIMAL_FIELDS, *INTEGER_FIELDS)

OWN_ID = bytes(OCTETS)
EncodedRow = tuple[int, bytes | None, bytes, bytes]
"""Event time in seconds, counted from a day long ago; the Kafka key; the message of `transactions`; the id's 16 octets,
or OWN_ID if the file gave the id."""


class MarkWanted(Exception):
    """A number has other marks than a decimal point; what they mean depends on the whole file."""


class RowEncoder:
    """Encodes rows of one file, one by one. Repairs of the rows that can be sent are counted in `repaired`.

    Args:
        names: field -> its known names; other spellings are replaced by them.
        mark: what separates decimals in the file; None if nothing decides.
        is_decided: whether `mark` is final; if not, a number that needs it raises MarkWanted.
    """

    def __init__(
        self,
        dialect: Dialect,
        repaired: Counter[Repair],
        names: Mapping[str, Spellings] | None = None,
        mark: Mark | None = None,
        *,
        is_decided: bool = True,
    ) -> None:
        self._dialect = dialect
        self._repaired = repaired
        self._names = {"gender": GENDERS} if names is None else names
        self._mark = mark
        self._is_decided = is_decided
        self.unknown = UnknownValues()

    def encode(self, record: Record, line: int = 0) -> EncodedRow | None:
        """Return the transaction of a row, repaired where possible; None if all its cells are empty.

        Raises:
            BadRow: the row cannot be sent.
        """
        if isinstance(record, BadRow):
            raise record
        repairs: list[Repair] = []
        cells = self._fit(record, repairs)
        if not any(cells):
            self._repaired[Repair.EMPTY_ROW_SKIPPED] += 1
            return None
        texts = self._texts(cells, repairs)
        unknown = self._spell(texts, repairs)
        data, seconds = self._data(texts, repairs)
        value, octets = _message(self._own_id(cells, repairs), data)
        self._repaired.update(set(repairs))
        for field in unknown:
            self.unknown.add(field, texts[field], line)
        return seconds, customer_key(data), value, octets

    def _texts(self, cells: list[str], repairs: list[Repair]) -> dict[str, str]:
        """Return the text of each field, empty where it is missing; of the required ones none is."""
        positions = self._dialect.positions
        texts = {field: cells[positions[field]] if field in positions else "" for field in FIELDS}
        for field, text in texts.items():
            if text and text in missing_words(field):
                texts[field] = ""
                repairs.append(Repair.MISSING_WORD)
        for field in REQUIRED:
            if not texts[field]:
                raise BadRow(RowFault.EMPTY_CELL, field, "is empty, but required")
        return texts

    def _data(self, texts: dict[str, str], repairs: list[Repair]) -> tuple[dict[str, Any], int]:
        """Return the fields as the message has them, and the event time in seconds."""
        data: dict[str, Any] = {field: text or None for field, text in texts.items()}
        data["transaction_time"], seconds = _read_time(texts["transaction_time"], repairs)
        for field in NUMBER_FIELDS:
            if texts[field]:
                data[field] = self._read_number(field, texts[field], repairs)
        return data, seconds

    def _spell(self, texts: dict[str, str], repairs: list[Repair]) -> list[str]:
        """Replace names by their known spelling; return the fields with unknown names."""
        unknown = []
        for field, spellings in self._names.items():
            if text := texts[field]:
                name = spellings.find(text)
                if name is None:
                    unknown.append(field)
                elif name != text:
                    texts[field] = name
                    repairs.append(Repair.CATEGORY_SPELLING if field == "cat_id" else Repair.GENDER_SPELLING)
        return unknown

    def _fit(self, cells: list[str], repairs: list[Repair]) -> list[str]:
        """Return the cells without spaces around them, as many as the header has."""
        width = self._dialect.width
        if len(cells) == 1 < width and self._dialect.separator in cells[0]:
            cells = self._opened(cells[0])
            repairs.append(Repair.QUOTED_ROW)
        trimmed = [cell.strip() for cell in cells]
        if trimmed != cells:
            repairs.append(Repair.SPACES_TRIMMED)
        if not any(trimmed):
            return []
        if len(trimmed) < width:
            raise BadRow(RowFault.SHORT_ROW, "", f"has {len(trimmed)} cells, the header {width}")
        if any(trimmed[width:]):
            raise BadRow(RowFault.LONG_ROW, "", f"has {len(trimmed)} cells, the header {width}: an unquoted separator?")
        if len(trimmed) > width:
            repairs.append(Repair.TRAILING_CELLS_DROPPED)
        return trimmed[:width]

    def _opened(self, text: str) -> list[str]:
        """Return the cells of a row that a spreadsheet saved as one quoted cell."""
        try:
            (cells,) = self._dialect.split([text])
        except (csv.Error, ValueError):
            raise BadRow(RowFault.BAD_QUOTES, "", "the row is quoted as one cell, and broken inside") from None
        return cells

    def _own_id(self, cells: list[str], repairs: list[Repair]) -> str | None:
        """Return the id that the file gives the row, None if there is none or it is invalid."""
        position = self._dialect.positions.get(ID_COLUMN)
        if position is None:
            return None
        try:
            check_id(cells[position] if cells[position] not in MISSING else "")
        except Reject:
            repairs.append(Repair.ID_REPLACED)
            return None
        return cells[position]

    def _read_number(self, field: str, text: str, repairs: list[Repair]) -> int | float:
        """Return a finite decimal, or an integer that any reader of JSON can hold."""
        if not self._is_decided and not PLAIN.fullmatch(text):
            raise MarkWanted
        try:
            number, found = read_number(field, text, self._mark)
        except BadValue as bad:
            reason = RowFault.AMBIGUOUS_NUMBER if bad.ambiguous else RowFault.BAD_NUMBER
            raise BadRow(reason, field, str(bad), text if bad.ambiguous else "") from None
        repairs += map(Repair, found)
        if not math.isfinite(number) or (field == "amount" and abs(number) > AMOUNT_LIMIT):
            raise BadRow(RowFault.OUT_OF_RANGE, field, "is too large a number")
        if field in DECIMAL_FIELDS:
            return number
        if not number.is_integer():
            raise BadRow(RowFault.BAD_NUMBER, field, "is not a whole number")
        if abs(number) >= INTEGER_LIMIT:
            raise BadRow(RowFault.OUT_OF_RANGE, field, "is too large a number")
        if not found and not text.lstrip("+-").isdigit():
            repairs.append(Repair.WHOLE_NUMBER_WITH_POINT)
        return int(number)


def _message(own_id: str | None, data: dict[str, Any]) -> tuple[bytes, bytes]:
    """Return the message of `transactions`, and the octets of its id, OWN_ID if the file gave the id."""
    if own_id is None:
        fields = orjson.dumps(data)
        (transaction_id,), octets = content_ids([fields], [data["cat_id"]])
        value = message_of(transaction_id, fields)
    else:
        value, octets = orjson.dumps({ID_COLUMN: own_id, "data": data}), OWN_ID
    if len(value) > VALUE_MAX_BYTES:
        raise BadRow(RowFault.TOO_LARGE, "", f"takes {len(value)} bytes, at most {VALUE_MAX_BYTES} can be sent")
    return value, octets


def _read_time(text: str, repairs: list[Repair]) -> tuple[str, int]:
    """Return the time as `YYYY-MM-DD HH:MM[:SS]`, and its seconds."""
    try:
        moment = read_time(text)
    except BadValue as bad:
        reason = RowFault.AMBIGUOUS_TIME if bad.ambiguous else RowFault.BAD_TIME
        raise BadRow(reason, "transaction_time", str(bad), text if bad.ambiguous else "") from None
    repairs += map(Repair, moment.repairs)
    time = moment.time
    since_midnight = time.hour * 3600 + time.minute * 60 + time.second
    return moment.text, time.toordinal() * DAY_SECONDS + since_midnight


def read_categories(manifest: Path) -> Sequence[str]:
    """Return the categories the model knows, in alphabetical order; none if the manifest cannot be read."""
    found = current_manifest(manifest)
    return sorted(found.recipe.categories) if found else ()


def spellings(categories: Sequence[str]) -> dict[str, Spellings]:
    """Return field -> its known names; without categories these are sent as written."""
    return {"gender": GENDERS} | ({"cat_id": Spellings(categories)} if categories else {})
