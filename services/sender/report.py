"""The report on a file: what was repaired, what was refused and why."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from services.common.errors import FraudError

MAX_REFUSALS = 100
MAX_UNKNOWN_VALUES = 20
VALUE_MAX_CHARACTERS = 60


class Repair(StrEnum):
    """A kind of repair: of the file (counted once), of its columns (once a column) or of its rows (once a row)."""

    UNPACKED = "unpacked"
    UTF16 = "utf16"
    BOM = "bom"
    SEP_LINE = "sep_line"
    SEPARATOR_SEMICOLON = "separator_semicolon"
    SEPARATOR_TAB = "separator_tab"
    SEPARATOR_OTHER = "separator_other"
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
    MISSING_WORD = "missing_word"
    VALUE_SPELLING = "value_spelling"
    DECIMAL_COMMA = "decimal_comma"
    THOUSANDS_MARK = "thousands_mark"
    WHOLE_NUMBER_WITH_POINT = "whole_number_with_point"
    TIME_WITH_SECONDS = "time_with_seconds"
    TIME_WITH_T = "time_with_t"
    TIME_ZONE_DROPPED = "time_zone_dropped"
    TIME_FRACTION_DROPPED = "time_fraction_dropped"
    TIME_DAY_FIRST = "time_day_first"
    TIME_OTHER_FORM = "time_other_form"
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
    AMBIGUOUS_TIME = "ambiguous_time"
    BAD_NUMBER = "bad_number"
    AMBIGUOUS_NUMBER = "ambiguous_number"
    OUT_OF_RANGE = "out_of_range"


class FileFault(StrEnum):
    """Why a whole file was refused: a closed list."""

    UNREADABLE = "unreadable"
    EMPTY = "empty"
    SPREADSHEET = "spreadsheet"
    ARCHIVE = "archive"
    NOT_TEXT = "not_text"
    UTF16 = "utf16"
    SCORES = "scores"
    NO_HEADER = "no_header"
    MISSING_COLUMNS = "missing_columns"
    DUPLICATE_COLUMNS = "duplicate_columns"
    NO_ROWS = "no_rows"
    TOO_MANY_ROWS = "too_many_rows"
    IDS_TAKEN = "ids_taken"
    IDS_UNCHECKED = "ids_unchecked"
    AMBIGUOUS_TIME = "ambiguous_time"
    AMBIGUOUS_NUMBER = "ambiguous_number"


REPORTED_ONCE = {
    RowFault.AMBIGUOUS_TIME: FileFault.AMBIGUOUS_TIME,
    RowFault.AMBIGUOUS_NUMBER: FileFault.AMBIGUOUS_NUMBER,
}
"""Faults that are the same in all rows: reported once; a file without any other rows is refused for them."""


class FileRefused(FraudError):
    """Nothing of the file can be sent. `code` is safe to branch on, `detail` is a sentence for a person."""

    def __init__(self, code: FileFault, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class BadRow(FraudError):
    """One row cannot be sent. `field` is empty when the row as a whole is at fault."""

    def __init__(self, reason: RowFault, field: str, message: str, value: str = "") -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.field = field
        self.message = message
        self.value = value


@dataclass(frozen=True)
class Refusal:
    """A refused row. `line` is its first line in the file, the header being line 1 of an ordinary file.

    `value` is the cell's text if that is ambiguous; such rows are reported once, `rows` is their number.
    """

    line: int
    field: str
    reason: RowFault
    message: str
    value: str = ""
    rows: int = 1


@dataclass(frozen=True)
class UnknownValue:
    """A text that its field does not know, the number of its rows, and the line of the first one."""

    field: str
    value: str
    rows: int
    line: int


@dataclass(frozen=True)
class FileReport:
    """The result of reading a file: `rows == ready + refused_total`. Blank lines are not rows."""

    rows: int
    ready: int
    repaired: Mapping[Repair, int]
    refused: tuple[Refusal, ...]
    """The first 100 refusals, in the file's order."""
    refused_total: int
    encoding: str
    """utf-8, or cp1251 if any line was read as that."""
    separator: str
    missing_columns: tuple[str, ...]
    """Fields without a column: sent as null."""
    ignored_columns: tuple[str, ...]
    """Columns of the file, by their own names, that are not sent."""
    unknown: tuple[UnknownValue, ...] = ()
    """Texts that their fields do not know, sent as written: up to 20, the most frequent first."""
    has_ids: bool = False
    """Whether the file has a column of ids, which may be those of other transactions."""


class Refusals:
    """Counts refused rows and stores the first hundred; ambiguous values once for each field."""

    def __init__(self) -> None:
        self.total = 0
        self._first: list[Refusal] = []
        self._counts: dict[tuple[RowFault, str], int] = {}

    @property
    def first(self) -> tuple[Refusal, ...]:
        """The first refusals, in the file's order."""
        counted = self._counts
        return tuple(replace(refusal, rows=counted.get((refusal.reason, refusal.field), 1)) for refusal in self._first)

    def add(self, line: int, bad: BadRow) -> None:
        """Count the refused row at `line`."""
        self.total += 1
        if bad.reason in REPORTED_ONCE:
            at = bad.reason, bad.field
            self._counts[at] = self._counts.get(at, 0) + 1
            if self._counts[at] > 1:
                return
        if len(self._first) < MAX_REFUSALS:
            self._first.append(Refusal(line, bad.field, bad.reason, bad.message, bad.value))

    def ambiguous(self) -> Refusal | None:
        """Return the refusal of ambiguous values that holds for more than half of the refused rows."""
        alike = [refusal for refusal in self.first if refusal.reason in REPORTED_ONCE and refusal.rows * 2 > self.total]
        return alike[0] if alike else None


class UnknownValues:
    """Counts the rows of the first 20 unknown values."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[int, int]] = {}

    def add(self, field: str, text: str, line: int) -> None:
        """Count the row at `line`."""
        at = field, text[:VALUE_MAX_CHARACTERS]
        if at in self._found or len(self._found) < MAX_UNKNOWN_VALUES:
            rows, first = self._found.get(at, (0, line))
            self._found[at] = rows + 1, first

    def most_frequent(self) -> tuple[UnknownValue, ...]:
        """Return the values, the most frequent first."""
        found = [UnknownValue(field, text, rows, line) for (field, text), (rows, line) in self._found.items()]
        return tuple(sorted(found, key=lambda value: (-value.rows, value.line)))
