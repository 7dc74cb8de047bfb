"""Encodes a row's cells as a message of `transactions`, with repairs, or refuses the row.

This defines what a row means; `fast_rows.py` gives the same bytes for rows that need no repair, faster.
"""

import csv
import math
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from services.common.contract.key import record_key
from services.common.contract.model import Contract, FieldSpec
from services.common.errors import Reject
from services.common.reading.message import check_id
from services.common.reading.numbers import PLAIN, Mark, read_number
from services.common.reading.values import MISSING, UNITS_A_SECOND, BadValue, Unit, read_epoch, read_time
from services.sender.dialect import Dialect
from services.sender.ids import OCTETS, MessageMaker
from services.sender.records import Record
from services.sender.report import BadRow, Repair, RowFault, UnknownValues

VALUE_MAX_BYTES = 1 << 18
"""A quarter of what a broker takes by default (message.max.bytes, 1 MiB)."""

DAY_SECONDS = 86_400
INTEGER_LIMIT = 1 << 53
"""Beyond this, readers of JSON that know only floating point lose digits (RFC 8259, section 6)."""


OWN_ID = bytes(OCTETS)
EncodedRow = tuple[int, bytes | None, bytes, bytes]
"""Event time in seconds, counted from a day long ago, 0 if the contract has none; the Kafka key; the message of
`transactions`; the id's 16 octets, or OWN_ID if the file gave the id."""


class MarkWanted(Exception):
    """A number has other marks than a decimal point; what they mean depends on the whole file."""


class RowEncoder:
    """Encodes rows of one file, one by one. Repairs of the rows that can be sent are counted in `repaired`.

    Args:
        contract: which fields there are, and their known values: other spellings are replaced by these.
        mark: what separates decimals in the file; None if nothing decides.
        is_decided: whether `mark` is final; if not, a number that needs it raises MarkWanted.
    """

    def __init__(
        self,
        contract: Contract,
        dialect: Dialect,
        repaired: Counter[Repair],
        mark: Mark | None = None,
        *,
        is_decided: bool = True,
    ) -> None:
        self._contract = contract
        self._dialect = dialect
        self._repaired = repaired
        self._mark = mark
        self._is_decided = is_decided
        self._messages = MessageMaker(contract)
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
        positions = self._dialect.positions
        fields = self._contract.fields
        texts = {field: cells[positions[field]] if field in positions else "" for field in fields}
        for field, text in texts.items():
            if text and text in fields[field].missing_words:
                texts[field] = ""
                repairs.append(Repair.MISSING_WORD)
        for field in self._contract.required:
            if not texts[field]:
                raise BadRow(RowFault.EMPTY_CELL, field, "is empty, but required")
        data, seconds = self._read(texts, repairs)
        value, octets = self._message(self._own_id(cells, repairs), data)
        if len(value) > VALUE_MAX_BYTES:
            raise BadRow(RowFault.TOO_LARGE, "", f"takes {len(value)} bytes, at most {VALUE_MAX_BYTES} can be sent")
        self._repaired.update(set(repairs))
        for field, spec in fields.items():
            if spec.values and data[field] and data[field] not in spec.codes:
                self.unknown.add(field, data[field], line)
        return seconds, record_key(data, self._contract), value, octets

    def _read(self, texts: Mapping[str, str], repairs: list[Repair]) -> tuple[dict[str, Any], int]:
        """Return the fields, None where one is empty, and the seconds of the event time."""
        data: dict[str, Any] = {}
        seconds = 0
        for field, spec in self._contract.fields.items():
            text = texts[field]
            if not text:
                data[field] = None
            elif spec.type == "time":
                data[field], read = _read_time(field, spec.unit, text, repairs)
                seconds = read if field == self._contract.record.event_time else seconds
            elif spec.is_number:
                data[field] = self._read_number(field, spec, text, repairs)
            else:
                data[field] = _respelled(spec, text, repairs)
        return data, seconds

    def _message(self, own_id: str | None, data: Mapping[str, Any]) -> tuple[bytes, bytes]:
        """Return the message, and the octets of its id."""
        if own_id is not None:
            return self._messages.with_own_id(own_id, data), OWN_ID
        (value,), octets = self._messages.with_content_ids(
            [orjson.dumps(data)], [[data[field]] for field in self._messages.folded]
        )
        return value, octets

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
        position = self._dialect.positions.get(self._contract.record.id)
        if position is None:
            return None
        try:
            check_id(cells[position] if cells[position] not in MISSING else "")
        except Reject:
            repairs.append(Repair.ID_REPLACED)
            return None
        return cells[position]

    def _read_number(self, field: str, spec: FieldSpec, text: str, repairs: list[Repair]) -> int | float:
        """Return a finite number within the field's limits; an integer is one that any reader of JSON can hold."""
        if not self._is_decided and not PLAIN.fullmatch(text):
            raise MarkWanted
        try:
            number, found = read_number(spec.type, text, self._mark)
        except BadValue as bad:
            reason = RowFault.AMBIGUOUS_NUMBER if bad.ambiguous else RowFault.BAD_NUMBER
            raise BadRow(reason, field, str(bad), text if bad.ambiguous else "") from None
        repairs += map(Repair, found)
        if not math.isfinite(number):
            raise BadRow(RowFault.OUT_OF_RANGE, field, "is too large a number")
        if (spec.max is not None and number > spec.max) or (spec.min is not None and number < spec.min):
            raise BadRow(RowFault.OUT_OF_RANGE, field, f"is not a number {_range(spec)}")
        if spec.type != "integer":
            return number
        if not number.is_integer():
            raise BadRow(RowFault.BAD_NUMBER, field, "is not a whole number")
        if abs(number) >= INTEGER_LIMIT:
            raise BadRow(RowFault.OUT_OF_RANGE, field, "is too large a number")
        if not found and not text.lstrip("+-").isdigit():
            repairs.append(Repair.WHOLE_NUMBER_WITH_POINT)
        return int(number)


def _range(spec: FieldSpec) -> str:
    """Return a field's limits in words: from 0 to 100."""
    limits = (("from", spec.min), ("to", spec.max))
    return " ".join(f"{word} {limit:g}" for word, limit in limits if limit is not None)


def _respelled(spec: FieldSpec, text: str, repairs: list[Repair]) -> str:
    """Return a text, or the known one that it spells."""
    known = spec.vocabulary.find(text) if spec.values else None
    if known is None or known == text:
        return text
    repairs.append(Repair.VALUE_SPELLING)
    return known


def _read_time(field: str, unit: Unit | None, text: str, repairs: list[Repair]) -> tuple[str | int, int]:
    """Return the time as `YYYY-MM-DD HH:MM[:SS]`, or as a number of its unit, and its seconds."""
    number = float(text) if unit and PLAIN.fullmatch(text) else None
    try:
        moment = read_time(text) if unit is None or number is None else read_epoch(number, unit)
    except BadValue as bad:
        reason = RowFault.AMBIGUOUS_TIME if bad.ambiguous else RowFault.BAD_TIME
        raise BadRow(reason, field, str(bad), text if bad.ambiguous else "") from None
    repairs += map(Repair, moment.repairs)
    time = moment.time
    seconds = time.toordinal() * DAY_SECONDS + time.hour * 3600 + time.minute * 60 + time.second
    if unit is None:
        return moment.text, seconds
    return _in_unit(time, unit) if number is None else int(number), seconds


def _in_unit(time: datetime, unit: Unit) -> int:
    """Return a time, in UTC, as a number of its unit."""
    return int(time.replace(tzinfo=UTC).timestamp()) * UNITS_A_SECOND[unit]
