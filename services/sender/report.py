"""What the sender tells of a file: what it mended, what it refused and why. Knows nothing of how a file is read."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from services.common.errors import FraudError

REFUSALS_KEPT = 100
VALUES_KEPT = 20
VALUE_MAX_CHARACTERS = 60


class Repair(StrEnum):
    """A kind of repair. Those of the file count once, those of columns once a column, those of rows once a row."""

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
    CATEGORY_SPELLING = "category_spelling"
    GENDER_SPELLING = "gender_spelling"
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


TOLD_ONCE = {
    RowFault.AMBIGUOUS_TIME: FileFault.AMBIGUOUS_TIME,
    RowFault.AMBIGUOUS_NUMBER: FileFault.AMBIGUOUS_NUMBER,
}
"""What is the same for all the rows it befalls: told once; a file of which nothing is left is refused for it."""


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
    """One refused row. `line` is its (first) line in the file, the header being line 1 of an ordinary file.

    `value` is what stands there if that is ambiguous; such rows are told once, `rows` are so many.
    """

    line: int
    field: str
    reason: RowFault
    message: str
    value: str = ""
    rows: int = 1


@dataclass(frozen=True)
class UnknownValue:
    """A category or gender that nobody knows: in how many rows it stands, and the first one's line in the file."""

    field: str
    value: str
    rows: int
    line: int


@dataclass(frozen=True)
class FileReport:
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
    unknown: tuple[UnknownValue, ...] = ()
    """Categories and genders that nobody knows, sent as they are: up to 20, those of most rows first."""
    has_ids: bool = False
    """Whether the file has a column of ids, which may be those of other payments."""
    unknown_rows: int = 0
    """Rows with such values."""


class Refusals:
    """Counts refused rows and keeps the first hundred; ambiguous values are kept once for each field."""

    def __init__(self) -> None:
        self.total = 0
        self._kept: list[Refusal] = []
        self._told_once: dict[tuple[RowFault, str], int] = {}

    @property
    def first(self) -> tuple[Refusal, ...]:
        """The first refusals, in the file's order."""
        counted = self._told_once
        return tuple(replace(kept, rows=counted.get((kept.reason, kept.field), 1)) for kept in self._kept)

    def add(self, line: int, bad: BadRow) -> None:
        """Take note that the row at `line` was refused."""
        self.total += 1
        if bad.reason in TOLD_ONCE:
            at = bad.reason, bad.field
            self._told_once[at] = self._told_once.get(at, 0) + 1
            if self._told_once[at] > 1:
                return
        if len(self._kept) < REFUSALS_KEPT:
            self._kept.append(Refusal(line, bad.field, bad.reason, bad.message, bad.value))

    def ambiguous(self) -> Refusal | None:
        """Return the refusal that holds for more than half of the refused rows because they are ambiguous."""
        alike = [kept for kept in self.first if kept.reason in TOLD_ONCE and kept.rows * 2 > self.total]
        return alike[0] if alike else None


class UnknownValues:
    """Counts them: the first 20 values by themselves, all rows together."""

    def __init__(self) -> None:
        self.rows = 0
        self._found: dict[tuple[str, str], tuple[int, int]] = {}

    def add(self, field: str, text: str, line: int) -> None:
        """Take note that a row at `line` has such a value."""
        self.rows += 1
        at = field, text[:VALUE_MAX_CHARACTERS]
        if at in self._found or len(self._found) < VALUES_KEPT:
            rows, first = self._found.get(at, (0, line))
            self._found[at] = rows + 1, first

    def most_frequent(self) -> tuple[UnknownValue, ...]:
        """Return the values, those of most rows first."""
        found = [UnknownValue(field, text, rows, line) for (field, text), (rows, line) in self._found.items()]
        return tuple(sorted(found, key=lambda value: (-value.rows, value.line)))
