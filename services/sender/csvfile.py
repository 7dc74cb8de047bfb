"""Reads a CSV file of payments, checks every row, and gives the good ones by event time. Knows nothing of Kafka."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from uuid import UUID

from services.common.contract import file_namespace
from services.sender.clean import CleanRows
from services.sender.dialect import Dialect, read_dialect
from services.sender.records import Record, read_records
from services.sender.report import BadRow, FileFault, FileRefused, Refusal, Refusals, Repair, Report, RowFault
from services.sender.rows import Payment, RowEncoder
from services.sender.spool import Spool

__all__ = ["FileFault", "FileRefused", "Payments", "Refusal", "Repair", "Report", "RowFault", "prepare"]

FEW_ROWS = 8
"""Among so few rows the one that is not clean is not searched for: each is looked at."""


class Payments:
    """The rows of a file that can be sent. Iterate as often as needed while `prepare` is open."""

    def __init__(self, report: Report, spool: Spool) -> None:
        self.report = report
        self._spool = spool

    def __len__(self) -> int:
        return len(self._spool)

    def __iter__(self) -> Iterator[tuple[bytes | None, bytes]]:
        """Yield (key, value) of each message, by event time; rows of the same time in the file's order."""
        return self._spool.in_time_order()


@contextmanager
def prepare(
    path: Path, *, max_rows: int | None = None, on_rows: Callable[[int], None] = lambda _: None
) -> Iterator[Payments]:
    """Read and check a whole file; give its payments, ready to send, and the report.

    The file is read once for its SHA-256 (of which the ids are made) and once for its rows. Encoded payments wait in
    temporary files of about 550 bytes a row (where TMPDIR says); memory stays within some 40 bytes a row. `on_rows`
    gets the number of rows read so far, every few hundred rows; what it raises ends the reading.

    Raises:
        FileRefused: nothing of the file can be sent, or it has more than `max_rows` rows.
    """
    with _opened(path) as file, Spool() as spool:
        yield Payments(_fill(spool, file, max_rows, on_rows), spool)


def _opened(path: Path) -> BufferedReader:
    try:
        return path.open("rb")
    except OSError as error:
        raise FileRefused(FileFault.UNREADABLE, f"cannot be opened: {error.strerror}") from error


def _fill(spool: Spool, file: BufferedReader, max_rows: int | None, on_rows: Callable[[int], None]) -> Report:
    """Encode the file's rows into the spool, and report on them."""
    namespace = file_namespace(hashlib.file_digest(file, "sha256").digest())
    file.seek(0)
    dialect = read_dialect(file)
    repaired = Counter(dialect.repaired)
    encoder = _Encoder(dialect, namespace, repaired)
    for lines, records in read_records(file, dialect, repaired):
        spool.extend(encoder.encode(lines, records))
        on_rows(encoder.rows)
        if max_rows is not None and encoder.rows > max_rows:
            raise FileRefused(FileFault.TOO_MANY_ROWS, f"has more than {max_rows} rows")
    if encoder.rows == 0:
        raise FileRefused(FileFault.NO_ROWS, "has a header, but no rows")
    return Report(
        rows=encoder.rows,
        ready=len(spool),
        repaired=+repaired,
        refused=tuple(encoder.refusals.first),
        refused_total=encoder.refusals.total,
        encoding="cp1251" if repaired[Repair.ENCODING_CP1251] else "utf-8",
        separator=dialect.separator,
        missing_columns=dialect.missing,
        ignored_columns=dialect.ignored,
    )


class _Encoder:
    """Encodes clean rows many at a time, and the others one by one; counts rows and refusals."""

    def __init__(self, dialect: Dialect, namespace: UUID, repaired: Counter[Repair]) -> None:
        self.rows = 0
        self.refusals = Refusals()
        self._clean_rows = CleanRows(dialect, namespace)
        self._any_row = RowEncoder(dialect, namespace, repaired)

    def encode(self, lines: Sequence[int], records: Sequence[Record]) -> list[Payment]:
        """Return the payments of records; those that are not clean are found by halving."""
        payments = self._clean_rows.encode(records, self.rows + 1)
        if payments is not None:
            self.rows += len(payments)
            return payments
        if len(records) <= FEW_ROWS:
            return [payment for line, record in zip(lines, records, strict=True) for payment in self._one(line, record)]
        half = len(records) // 2
        return self.encode(lines[:half], records[:half]) + self.encode(lines[half:], records[half:])

    def _one(self, line: int, record: Record) -> list[Payment]:
        """Return the payment of one record, if it has one."""
        if not record:
            return []
        try:
            payment = self._any_row.encode(record, self.rows + 1)
        except BadRow as bad:
            self.refusals.add(line, bad)
            self.rows += 1
            return []
        if payment is None:
            return []
        self.rows += 1
        return [payment]
