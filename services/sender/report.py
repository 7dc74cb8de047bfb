"""What the sender tells of a file: what it mended, what it refused and why. Knows nothing of how a file is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.common.errors import FraudError

REFUSALS_KEPT = 100


class Repair(StrEnum):
    """A kind of repair. Those of the file count once, those of columns once a column, those of rows once a row."""

    BOM = "bom"
    SEPARATOR_SEMICOLON = "separator_semicolon"
    SEPARATOR_TAB = "separator_tab"
    HEADER_NAMES = "header_names"
    COLUMNS_REORDERED = "columns_reordered"

    COLUMN_MISSING = "column_missing"
    COLUMN_IGNORED = "column_ignored"
    TARGET_DROPPED = "target_dropped"

    ENCODING_CP1251 = "encoding_cp1251"
    QUOTED_ROW = "quoted_row"
    CELL_OF_SEVERAL_LINES = "cell_of_several_lines"
    EMPTY_ROW_SKIPPED = "empty_row_skipped"
    TRAILING_CELLS_DROPPED = "trailing_cells_dropped"
    SPACES_TRIMMED = "spaces_trimmed"
    DECIMAL_COMMA = "decimal_comma"
    WHOLE_NUMBER_WITH_POINT = "whole_number_with_point"
    TIME_WITH_SECONDS = "time_with_seconds"
    TIME_WITH_T = "time_with_t"
    ID_REPLACED = "id_replaced"


class RowFault(StrEnum):
    """Why a row was refused: a closed list."""

    BAD_ENCODING = "bad_encoding"
    BAD_QUOTES = "bad_quotes"
    SHORT_ROW = "short_row"
    LONG_ROW = "long_row"
    TOO_LARGE = "too_large"
    EMPTY_CELL = "empty_cell"
    BAD_TIME = "bad_time"
    BAD_NUMBER = "bad_number"
    OUT_OF_RANGE = "out_of_range"


class FileFault(StrEnum):
    """Why a whole file was refused: a closed list."""

    UNREADABLE = "unreadable"
    EMPTY = "empty"
    SPREADSHEET = "spreadsheet"
    NOT_TEXT = "not_text"
    UTF16 = "utf16"
    NO_HEADER = "no_header"
    MISSING_COLUMNS = "missing_columns"
    DUPLICATE_COLUMNS = "duplicate_columns"
    NO_ROWS = "no_rows"
    TOO_MANY_ROWS = "too_many_rows"


class FileRefused(FraudError):
    """Nothing of the file can be sent. `code` is safe to branch on, `detail` is a sentence for a person."""

    def __init__(self, code: FileFault, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class BadRow(FraudError):
    """One row cannot be sent. `field` is empty when the row as a whole is at fault."""

    def __init__(self, reason: RowFault, field: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.field = field
        self.message = message


@dataclass(frozen=True)
class Refusal:
    """One refused row. `line` is its (first) line in the file, the header being line 1 of an ordinary file."""

    line: int
    field: str
    reason: RowFault
    message: str


@dataclass(frozen=True)
class Report:
    """What became of a file's rows: `rows == ready + refused_total`. Blank lines are not rows."""

    rows: int
    ready: int
    repaired: Mapping[Repair, int]
    refused: tuple[Refusal, ...]
    """The first 100 refusals, in the file's order."""
    refused_total: int
    encoding: str
    """utf-8, or cp1251 if any line had to be read so."""
    separator: str
    missing_columns: tuple[str, ...]
    """Fields the file has no column for: sent as null."""
    ignored_columns: tuple[str, ...]
    """Columns of the file, by their own names, that are not sent."""


class Refusals:
    """Counts refused rows and keeps the first hundred."""

    def __init__(self) -> None:
        self.total = 0
        self.first: list[Refusal] = []

    def add(self, line: int, bad: BadRow) -> None:
        """Take note that the row at `line` was refused."""
        self.total += 1
        if len(self.first) < REFUSALS_KEPT:
            self.first.append(Refusal(line, bad.field, bad.reason, bad.message))
