"""Reads a CSV file of transactions, checks every row, and yields the valid ones by event time."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from services.common.contract import INTEGER_FIELDS
from services.common.message import NUMBERS
from services.common.numbers import Mark, NumberMarks
from services.common.values import Spellings
from services.sender.dialect import ID_COLUMN, Dialect, read_dialect
from services.sender.fast_rows import FastRowEncoder
from services.sender.ids import Look, TakenIds, find_taken, with_ids_of_their_own
from services.sender.records import Record, read_records
from services.sender.report import (
    REPORTED_ONCE,
    BadRow,
    FileFault,
    FileRefused,
    FileReport,
    Refusals,
    Repair,
)
from services.sender.rows import MarkWanted, Payment, RowEncoder, spellings
from services.sender.spool import Spool
from services.sender.unpack import opened_text

FEW_ROWS = 8
"""In a batch of at most this many rows each is encoded by itself; larger ones are halved to find the unclean row."""


class Payments:
    """The rows of a file that can be sent; may be iterated repeatedly while `prepare` is open."""

    def __init__(self, report: FileReport, spool: Spool) -> None:
        self.report = report
        self._spool = spool
        self._taken: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self._spool)

    def __iter__(self) -> Iterator[tuple[bytes | None, bytes]]:
        """Yield (key, value) of each message, by event time; rows of the same time in the file's order."""
        messages = self._spool.in_time_order()
        return with_ids_of_their_own(messages, self._taken) if self._taken else messages

    def settle_ids(self, policy: TakenIds, look: Look | None) -> None:
        """Apply the policy to ids of the file's own column that other transactions have already.

        Args:
            policy: what to do with them.
            look: queries the database; None if it is unavailable.

        Raises:
            FileRefused: ids are taken and the policy is to ask; or whether they are is unknown.
        """
        if not self.report.has_ids or policy is TakenIds.OVERWRITE:
            return
        if look is None:
            detail = "the database is unavailable, so it is unknown whether other transactions have the file's ids"
            raise FileRefused(FileFault.IDS_UNCHECKED, detail)
        taken = find_taken(self, look)
        if taken and policy is TakenIds.ASK:
            detail = f"ids in the column {ID_COLUMN} belong to other transactions, first {taken[0]}: {len(taken)}"
            raise FileRefused(FileFault.IDS_TAKEN, detail)
        self._taken = taken


@contextmanager
def prepare(
    path: Path,
    *,
    max_rows: int | None = None,
    on_rows: Callable[[int], None] = lambda _: None,
    categories: Sequence[str] = (),
) -> Iterator[Payments]:
    """Read and check a whole file; give its encoded transactions and the report.

    The file is read once, and twice more if numbers have other marks than a decimal point. Encoded transactions take
    about 550 bytes a row of temporary files (in TMPDIR), the text of an archive its size; memory about 80 bytes a row.
    `on_rows` gets the number of rows read so far, every few hundred rows; what it raises ends the reading.
    `categories` are those of the model: other spellings are replaced by them.

    Raises:
        FileRefused: nothing of the file can be sent, or it has more than `max_rows` rows.
    """
    with _opened(path) as file, opened_text(file) as (text, repairs), Spool() as spool:
        reading = _Reading(text, spellings(categories), max_rows, on_rows)
        yield Payments(reading.fill(spool, repairs), spool)


def _opened(path: Path) -> BufferedReader:
    try:
        return path.open("rb")
    except OSError as error:
        raise FileRefused(FileFault.UNREADABLE, f"cannot be opened: {error.strerror}") from error


class _Reading:
    """Encodes a file's rows into the spool, and makes the report."""

    def __init__(
        self, file: BinaryIO, names: Mapping[str, Spellings], max_rows: int | None, on_rows: Callable[[int], None]
    ) -> None:
        self._file = file
        self._names = names
        self._max_rows = max_rows
        self._on_rows = on_rows

    def fill(self, spool: Spool, repairs: Iterable[Repair]) -> FileReport:
        """Encode the rows; begin again with the whole file's decimal mark at the first number that needs it."""
        try:
            dialect, repaired, encoder = self._encode(spool, None, is_decided=False)
        except MarkWanted:
            mark = find_mark(self._file, self._dialect())
            spool.clear()
            dialect, repaired, encoder = self._encode(spool, mark, is_decided=True)
        if encoder.rows == 0:
            raise FileRefused(FileFault.NO_ROWS, "has a header, but no rows")
        if not len(spool) and (refusal := encoder.refusals.ambiguous()):
            detail = f"{refusal.field} {refusal.message}; line {refusal.line}: {refusal.value}"
            raise FileRefused(REPORTED_ONCE[refusal.reason], detail)
        repaired.update(repairs)
        return FileReport(
            rows=encoder.rows,
            ready=len(spool),
            repaired=+repaired,
            refused=encoder.refusals.first,
            refused_total=encoder.refusals.total,
            encoding="cp1251" if repaired[Repair.ENCODING_CP1251] else "utf-8",
            separator=dialect.separator,
            missing_columns=dialect.missing,
            ignored_columns=dialect.ignored,
            has_ids=ID_COLUMN in dialect.positions,
            unknown=encoder.unknown.most_frequent(),
            unknown_rows=encoder.unknown.rows,
        )

    def _dialect(self) -> Dialect:
        self._file.seek(0)
        return read_dialect(self._file)

    def _encode(
        self, spool: Spool, mark: Mark | None, *, is_decided: bool
    ) -> tuple[Dialect, Counter[Repair], "_Encoder"]:
        dialect = self._dialect()
        repaired = Counter(dialect.repaired)
        encoder = _Encoder(dialect, repaired, self._names, mark, is_decided=is_decided)
        for lines, records in read_records(self._file, dialect, repaired):
            spool.extend(encoder.encode(lines, records))
            self._on_rows(encoder.rows)
            if self._max_rows is not None and encoder.rows > self._max_rows:
                raise FileRefused(FileFault.TOO_MANY_ROWS, f"has more than {self._max_rows} rows")
        return dialect, repaired, encoder


class _Encoder:
    """Encodes clean rows many at a time, others one by one; counts rows and refusals."""

    def __init__(
        self,
        dialect: Dialect,
        repaired: Counter[Repair],
        names: Mapping[str, Spellings],
        mark: Mark | None,
        *,
        is_decided: bool,
    ) -> None:
        self.rows = 0
        self.refusals = Refusals()
        self._any_row = RowEncoder(dialect, repaired, names, mark, is_decided=is_decided)
        self.unknown = self._any_row.unknown
        clean_rows = FastRowEncoder(dialect, names, self.unknown)
        self._clean_rows = None if mark is Mark.COMMA else clean_rows  # which reads points as decimal ones

    def encode(self, lines: Sequence[int], records: Sequence[Record]) -> list[Payment]:
        """Return the transactions of records; those that are not clean are found by halving."""
        payments = self._clean_rows.encode(records, lines) if self._clean_rows else None
        if payments is not None:
            self.rows += len(payments)
            return payments
        if len(records) <= FEW_ROWS or not self._clean_rows:
            return [payment for line, record in zip(lines, records, strict=True) for payment in self._one(line, record)]
        half = len(records) // 2
        return self.encode(lines[:half], records[:half]) + self.encode(lines[half:], records[half:])

    def _one(self, line: int, record: Record) -> list[Payment]:
        """Return the transaction of one record, if it has one."""
        if not record:
            return []
        try:
            payment = self._any_row.encode(record, line)
        except BadRow as bad:
            self.refusals.add(line, bad)
            self.rows += 1
            return []
        if payment is None:
            return []
        self.rows += 1
        return [payment]


def find_mark(file: BinaryIO, dialect: Dialect) -> Mark | None:
    """Return the decimal mark, None if nothing decides or the file contradicts itself.

    The file stands at the line under the header; it is read to its end, or until it contradicts itself.
    """
    marks = NumberMarks()
    places = [(field, place) for field, place in dialect.positions.items() if field in NUMBERS]
    for _, records in read_records(file, dialect, Counter()):
        for record in records:
            if isinstance(record, list) and len(record) >= dialect.width:
                for field, place in places:
                    if not record[place].isdigit():
                        _see(marks, field, record[place])
        if marks.contradict:
            return None
    return marks.decided


def _see(marks: NumberMarks, field: str, text: str) -> None:
    """Take a number into account, unless it is one more of those whose mark is proved already."""
    proved = marks.decided
    if proved is not None and field not in INTEGER_FIELDS and text.count(".") + text.count(",") == 1 and proved in text:
        return
    marks.see(field, text)
