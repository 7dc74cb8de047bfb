"""Reads a CSV file of transactions, checks every row, and yields the valid ones by event time."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from services.common.contract.model import Contract
from services.common.reading.numbers import Kind, Mark, NumberMarks
from services.sender.dialect import Dialect, read_dialect
from services.sender.fast_rows import FastRowEncoder
from services.sender.ids import Look, MessageMaker, TakenIds, find_taken
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
from services.sender.rows import EncodedRow, MarkWanted, RowEncoder
from services.sender.spool import Spool
from services.sender.unpack import opened_text

FEW_ROWS = 8
"""In a batch of at most this many rows each is encoded by itself; larger ones are halved to find the unclean row."""


class PreparedFile:
    """The rows of a file that can be sent; may be iterated repeatedly while `prepare` is open."""

    def __init__(self, report: FileReport, spool: Spool, contract: Contract) -> None:
        self.report = report
        self._contract, self._messages = contract, MessageMaker(contract)
        self._spool = spool
        self._taken: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self._spool)

    def __iter__(self) -> Iterator[tuple[bytes | None, bytes]]:
        """Yield (key, value) of each message, by event time; rows of the same time, or without, in the file's order."""
        messages = self._spool.in_time_order(self._messages)
        return self._messages.with_ids_of_their_own(messages, self._taken) if self._taken else messages

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
        taken = find_taken(self, look, self._contract)
        if taken and policy is TakenIds.ASK:
            column = self._contract.record.id
            detail = f"ids in the column {column} belong to other transactions, first {taken[0]}: {len(taken)}"
            raise FileRefused(FileFault.IDS_TAKEN, detail)
        self._taken = taken


@contextmanager
def prepare(
    path: Path,
    *,
    contract: Contract,
    max_rows: int | None = None,
    on_rows: Callable[[int], None] = lambda _: None,
) -> Iterator[PreparedFile]:
    """Read and check a whole file; give its encoded transactions and the report.

    The file is read once, and twice more if numbers have other marks than a decimal point. Encoded transactions take
    about 550 bytes a row of temporary files (in TMPDIR), the text of an archive its size; memory about 80 bytes a row.
    `on_rows` gets the number of rows read so far, every few hundred rows; what it raises ends the reading.
    The contract says which columns there are; other spellings of a field's known texts are replaced by these.

    Raises:
        FileRefused: nothing of the file can be sent, or it has more than `max_rows` rows.
    """
    with _opened(path) as file, opened_text(file) as (text, repairs), Spool() as spool:
        try:
            reading = _Reading(text, contract, None, is_decided=False)
            reading.fill(spool, max_rows, on_rows)
        except MarkWanted:  # the first number that needs the decimal mark of the whole file
            text.seek(0)
            mark = find_mark(text, read_dialect(text, contract), contract)
            spool.clear()
            reading = _Reading(text, contract, mark, is_decided=True)
            reading.fill(spool, max_rows, on_rows)
        yield PreparedFile(reading.report(len(spool), repairs), spool, contract)


def _opened(path: Path) -> BufferedReader:
    try:
        return path.open("rb")
    except OSError as error:
        raise FileRefused(FileFault.UNREADABLE, f"cannot be opened: {error.strerror}") from error


class _Reading:
    """One pass over a file: encodes clean rows many at a time, others one by one; counts rows and refusals."""

    def __init__(self, file: BinaryIO, contract: Contract, mark: Mark | None, *, is_decided: bool) -> None:
        file.seek(0)
        self._file = file
        self._dialect = read_dialect(file, contract)
        self._repaired = Counter(self._dialect.repaired)
        self._rows = 0
        self._refusals = Refusals()
        self._has_ids = contract.record.id in self._dialect.positions
        self._encoder = RowEncoder(contract, self._dialect, self._repaired, mark, is_decided=is_decided)
        fast = FastRowEncoder(contract, self._dialect, self._encoder.unknown)
        self._fast_encoder = None if mark is Mark.COMMA else fast  # which reads points as decimal ones

    def fill(self, spool: Spool, max_rows: int | None, on_rows: Callable[[int], None]) -> None:
        """Encode the rows into the spool."""
        for lines, records in read_records(self._file, self._dialect, self._repaired):
            spool.extend(self._encode(lines, records))
            on_rows(self._rows)
            if max_rows is not None and self._rows > max_rows:
                raise FileRefused(FileFault.TOO_MANY_ROWS, f"has more than {max_rows} rows")

    def report(self, ready: int, repairs: Iterable[Repair]) -> FileReport:
        """Return the report on all rows, of which `ready` can be sent."""
        if self._rows == 0:
            raise FileRefused(FileFault.NO_ROWS, "has a header, but no rows")
        if not ready and (refusal := self._refusals.ambiguous()):
            detail = f"{refusal.field} {refusal.message}; line {refusal.line}: {refusal.value}"
            raise FileRefused(REPORTED_ONCE[refusal.reason], detail)
        self._repaired.update(repairs)
        return FileReport(
            rows=self._rows,
            ready=ready,
            repaired=+self._repaired,
            refused=self._refusals.first,
            refused_total=self._refusals.total,
            encoding="cp1251" if self._repaired[Repair.ENCODING_CP1251] else "utf-8",
            separator=self._dialect.separator,
            missing_columns=self._dialect.missing,
            ignored_columns=self._dialect.ignored,
            has_ids=self._has_ids,
            unknown=self._encoder.unknown.most_frequent(),
        )

    def _encode(self, lines: Sequence[int], records: Sequence[Record]) -> list[EncodedRow]:
        """Return the transactions of records; those that are not clean are found by halving."""
        encoded = self._fast_encoder.encode(records, lines) if self._fast_encoder else None
        if encoded is not None:
            self._rows += len(encoded)
            return encoded
        if len(records) <= FEW_ROWS or not self._fast_encoder:
            return [row for row in map(self._encode_one, lines, records) if row]
        half = len(records) // 2
        return self._encode(lines[:half], records[:half]) + self._encode(lines[half:], records[half:])

    def _encode_one(self, line: int, record: Record) -> EncodedRow | None:
        """Return the transaction of one record, if it has one."""
        try:
            encoded = self._encoder.encode(record, line) if record else None
        except BadRow as bad:
            self._refusals.add(line, bad)
            self._rows += 1
            return None
        self._rows += encoded is not None
        return encoded


def find_mark(file: BinaryIO, dialect: Dialect, contract: Contract) -> Mark | None:
    """Return the decimal mark, None if nothing decides or the file contradicts itself.

    The file's position is the line under the header; it is read to its end, or until it contradicts itself.
    """
    marks = NumberMarks()
    numbers = [field for field in dialect.positions if field in contract.numbers]
    places = [(contract.fields[field].type, dialect.positions[field]) for field in numbers]
    for _, records in read_records(file, dialect, Counter()):
        for record in records:
            if isinstance(record, list) and len(record) >= dialect.width:
                for kind, place in places:
                    if not record[place].isdigit():
                        _see(marks, kind, record[place])
        if marks.contradict:
            return None
    return marks.decided


def _see(marks: NumberMarks, kind: Kind, text: str) -> None:
    """Take a number into account, unless it is one more of those whose mark is proved already."""
    proved = marks.decided
    if proved is not None and kind != "integer" and text.count(".") + text.count(",") == 1 and proved in text:
        return
    marks.see(kind, text)
