"""Detects the dialect of a CSV file from its header."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from services.common.contract.model import Contract
from services.sender.report import FileFault, FileRefused, Repair

TARGET_COLUMN = "target"
"""The label of the competition's training data; dropped, unless it is a field."""

_OF_SCORES = frozenset(("score", "fraud_flag"))
"""Columns that the download of scores adds, which has none of the key's."""

_SEPARATORS = (",", ";", "\t")
_BOM = b"\xef\xbb\xbf"
_AROUND = " \t\"'\ufeff\xa0"
_LONGEST_HEADER = 1 << 16
_MOST_BLANK_LINES = 1000
"""Above the header; each costs a read of the longest header where lines end with a lone CR."""
_SEP_LINE = re.compile(r"""\s*(?P<quote>"?)\s*sep\s*=(?P<separator>[^"\s\w]|\t)(?P=quote)[\s,;]*""", re.IGNORECASE)

_SIGNATURES = {
    b"PK\x03\x04": (FileFault.SPREADSHEET, "this is a broken archive or workbook (zip, xlsx): save it as CSV UTF-8"),
    b"\xd0\xcf\x11\xe0": (FileFault.SPREADSHEET, "this is an old Excel workbook (xls): save it as CSV UTF-8"),
    b"\xff\xfe": (FileFault.UTF16, "the text is UTF-16: save it as CSV UTF-8"),
    b"\xfe\xff": (FileFault.UTF16, "the text is UTF-16: save it as CSV UTF-8"),
    b"PAR1": (FileFault.NOT_TEXT, "this is a Parquet file, not CSV"),
    b"%PDF": (FileFault.NOT_TEXT, "this is a PDF document, not CSV"),
}  # fmt: skip


@dataclass(frozen=True)
class Dialect:
    """How a file is written: its separator and the position of each field."""

    separator: str
    width: int
    """Number of columns in the header."""
    positions: Mapping[str, int]
    """Index of each field and of the id, where the file has them."""
    first_line: int
    """Number of the line under the header."""
    missing: tuple[str, ...]
    ignored: tuple[str, ...]
    repaired: Mapping[Repair, int]

    def split(self, lines: Iterable[str]) -> list[list[str]]:
        """Return the cells of each record, read strictly by the rules of CSV.

        Raises:
            csv.Error: a quote is not closed, text follows a closing quote, or a cell is over 131,072 characters.
        """
        return _split(lines, self.separator)

    def first_record(self, lines: Iterable[str]) -> tuple[list[str], int]:
        """Return the cells of the first record, and the number of lines it takes; no further line is read.

        Raises:
            csv.Error: as `split` does.
        """
        reader = csv.reader(lines, _Strict, delimiter=self.separator)
        return next(reader), reader.line_num


class _Strict(csv.excel):
    skipinitialspace = True
    strict = True


class _Columns:
    """The columns that a contract knows: its fields, the id and the label, by any spelling."""

    def __init__(self, contract: Contract) -> None:
        record = contract.record
        self.fields = tuple(contract.fields)
        self.required = contract.required
        self.sent = frozenset((*self.fields, record.id))
        self.known = self.sent | {TARGET_COLUMN}
        others = self.sent.difference((record.id, record.event_time), (field for _, field in contract.roles))
        self.not_of_scores = others.intersection(record.key) or others
        """A file of scores has none of these."""
        self._by_plain = {_plain(name): name for name in (TARGET_COLUMN, *reversed(self.fields), record.id)}

    def name(self, cell: str) -> str:
        """Return the column's name as the contract writes it, or without capitals if it has none such."""
        exact = cell.strip(_AROUND)
        return exact if exact in self.known else self._by_plain.get(_plain(cell), _plain(cell))


def read_dialect(file: BinaryIO, contract: Contract) -> Dialect:
    """Read the file's header and leave the file at the line under it.

    Raises:
        FileRefused: the file is empty or not text, or its header is missing, incomplete or ambiguous.
    """
    _check_signature(file)
    has_bom = file.read(len(_BOM)) == _BOM
    if not has_bom:
        file.seek(0)
    number, line = _first_line_with_text(file)
    declared = _declared_separator(line)
    if declared is not None:
        below, line = _first_line_with_text(file)
        number += below
    columns = _Columns(contract)
    separator, header = _split_header(line, declared, columns)
    names = [columns.name(cell) for cell in header]
    _check_names(names, header, columns)
    positions = {name: place for place, name in enumerate(names) if name in columns.sent}
    missing = tuple(field for field in columns.fields if field not in positions)
    ignored = tuple(own for own, name in zip(header, names, strict=True) if name not in columns.known)
    present = [name for name in names if name in contract.fields]
    renamed = any(name != own for name, own in zip(names, header, strict=True) if name in columns.known)
    repaired = Counter(
        {
            Repair.BOM: int(has_bom),
            Repair.SEPARATOR_SEMICOLON: int(separator == ";"),
            Repair.SEPARATOR_TAB: int(separator == "\t"),
            Repair.SEPARATOR_OTHER: int(separator not in _SEPARATORS),
            Repair.SEP_LINE: int(declared is not None),
            Repair.HEADER_NAMES: int(renamed),
            Repair.COLUMNS_REORDERED: int(present != [field for field in columns.fields if field in positions]),
            Repair.COLUMN_MISSING: len(missing),
            Repair.COLUMN_IGNORED: len(ignored),
            Repair.TARGET_DROPPED: 0 if TARGET_COLUMN in columns.sent else names.count(TARGET_COLUMN),
        }
    )
    return Dialect(separator, len(header), positions, number + 1, missing, ignored, +repaired)


def _check_signature(file: BinaryIO) -> None:
    """Refuse what its first bytes show not to be text; leave the file at its start."""
    start = file.read(8)
    file.seek(0)
    if not start:
        raise FileRefused(FileFault.EMPTY, "the file is empty")
    for signature, (code, detail) in _SIGNATURES.items():
        if start.startswith(signature):
            raise FileRefused(code, detail)


def _first_line_with_text(file: BinaryIO) -> tuple[int, str]:
    """Return the number and the text of the first line that is not blank."""
    lines = islice(iter(lambda: _read_line(file), b""), _MOST_BLANK_LINES + 1)
    for number, line in enumerate(lines, 1):
        if b"\0" in line:
            looks_wide = line[1:9:2] == b"\0\0\0\0" or line[0:8:2] == b"\0\0\0\0"
            code, what = (FileFault.UTF16, "UTF-16") if looks_wide else (FileFault.NOT_TEXT, "binary data")
            raise FileRefused(code, f"the first line is {what}: save the file as CSV UTF-8")
        if line.strip():
            return number, line.decode(errors="replace").strip("\r\n")
    raise FileRefused(FileFault.EMPTY, "the file begins with blank lines only")


def _read_line(file: BinaryIO) -> bytes:
    """Return the next line, ended by LF, CRLF or a lone CR."""
    line = file.readline(_LONGEST_HEADER)
    end = line.find(b"\r")
    if end >= 0 and line[end : end + 2] != b"\r\n":
        file.seek(end + 1 - len(line), 1)
        return line[: end + 1]
    return line


def _declared_separator(line: str) -> str | None:
    """Return the separator of a line `sep=;`, as Excel writes above the header; None if it is another line."""
    match = _SEP_LINE.fullmatch(line)
    return match["separator"] if match else None


def _split_header(line: str, declared: str | None, columns: _Columns) -> tuple[str, list[str]]:
    """Return the separator under which most column names are known, and the names it gives."""
    separators = [declared, *_SEPARATORS] if declared and declared not in _SEPARATORS else _SEPARATORS
    readings = [(separator, _cells_of_header(line, separator)) for separator in separators]
    return max(readings, key=lambda reading: sum(columns.name(name) in columns.known for name in reading[1]))


def _cells_of_header(line: str, separator: str) -> list[str]:
    """Return the header's cells; a header quoted as one cell is opened."""
    try:
        (cells,) = _split([line], separator)
        if len(cells) == 1 and separator in cells[0]:
            (cells,) = _split(cells, separator)
    except (csv.Error, ValueError):
        return [line]
    return cells


def _check_names(names: list[str], header: list[str], columns: _Columns) -> None:
    """Refuse a header without the needed columns, or with a known one twice."""
    if not columns.known.intersection(names):
        looks_like_data = any(re.match(r"\s*-?\d", cell) for cell in header)
        found = "the first line is data: the header is missing" if looks_like_data else "no column name is known"
        raise FileRefused(FileFault.NO_HEADER, f"{found}; the first line must be {','.join(columns.fields)}")
    has_scores = _OF_SCORES.issubset(names) and not _OF_SCORES.issubset(columns.sent)
    if has_scores and columns.not_of_scores.isdisjoint(names):
        detail = "this is a file of scores, as downloaded from the page, without customers"
        raise FileRefused(FileFault.SCORES, f"{detail}; send the file of transactions that was scored")
    if missing := [name for name in columns.required if name not in names]:
        raise FileRefused(FileFault.MISSING_COLUMNS, f"required columns are missing: {', '.join(missing)}")
    if duplicates := [name for name, times in Counter(names).items() if times > 1 and name in columns.known]:
        raise FileRefused(FileFault.DUPLICATE_COLUMNS, f"duplicate columns: {', '.join(duplicates)}")


def _plain(name: str) -> str:
    """Return a column's name without capitals, blanks and dashes: ` Due-Date` is `due_date`."""
    return re.sub(r"[\s-]+", "_", name.strip(_AROUND).lower())


def _split(lines: Iterable[str], separator: str) -> list[list[str]]:
    return list(csv.reader(lines, _Strict, delimiter=separator))
