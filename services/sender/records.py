"""Splits a file into records: cells with their line numbers.

A block of clean lines is split in one call. Any other block is split line by line, so that a bad line never costs its
neighbours.
"""

import csv
import os
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import BinaryIO

from services.sender.dialect import Dialect
from services.sender.report import BadRow, Repair, RowFault

Record = list[str] | BadRow
"""A record's cells, or why it has none."""

BLOCK_BYTES = 1 << 16
RECORDS_AT_ONCE = 1000
LINE_MAX_BYTES = 1 << 17
_LONGEST_LINE = 1 << 20
LINES_OF_A_RECORD = 16
"""A quoted cell may hold line breaks, but no record is longer than this: an unclosed quote must not eat the file."""


def read_records(
    file: BinaryIO, dialect: Dialect, repaired: Counter[Repair]
) -> Iterator[tuple[Sequence[int], Sequence[Record]]]:
    """Yield batches of (line numbers, records); a blank line gives no cells, a line that is no record a BadRow.

    The file's position is the line under the header. Repairs are counted in `repaired`. Memory: a few MiB; a line over
    1 MiB counts as several.
    """
    blocks = _blocks(file)
    next_line = dialect.first_line
    for block in blocks:
        if clean := _cut_clean(block, dialect):
            lines = range(next_line, next_line + len(clean))
            next_line = lines.stop
            yield lines, clean
        else:
            cutter = _LineByLine(block, blocks, next_line, dialect, repaired)
            while records := cutter.cut():
                yield records
            next_line = cutter.next_line


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """Yield some whole lines at a time, their ends (CRLF, CR) made LF."""
    while block := file.read(BLOCK_BYTES):
        if b"\n" in block or b"\r" not in block:
            block += file.readline(_LONGEST_LINE)
        if b"\r" in block:
            if not block.endswith(b"\n"):  # lines end with a lone CR, or this is the last line
                end = max(block.rfind(b"\r"), block.rfind(b"\n")) + 1
                file.seek(end - len(block), os.SEEK_CUR)
                block = block[:end]
            block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        yield block


def _cut_clean(block: bytes, dialect: Dialect) -> list[list[str]] | None:
    """Return one record a line, or None if the block is not as clean as that."""
    if b"\0" in block:
        return None
    try:
        lines = block.decode().removesuffix("\n").split("\n")
        records = dialect.split(lines)
    except (UnicodeDecodeError, csv.Error):
        return None
    return records if len(records) == len(lines) else None


class _LineByLine:
    """Splits a block line by line, and the part of the next one that belongs to a cell of several lines."""

    def __init__(
        self, block: bytes, blocks: Iterator[bytes], first_line: int, dialect: Dialect, repaired: Counter[Repair]
    ) -> None:
        self.next_line = first_line
        self._blocks = blocks
        self._pending: deque[bytes] = deque()
        self._append(block)
        self._dialect = dialect
        self._repaired = repaired

    def cut(self) -> tuple[list[int], list[Record]] | None:
        """Return the numbers of the lines at which records begin, and the records; None if no line is left."""
        lines: list[int] = []
        records: list[Record] = []
        while self._pending and len(records) < RECORDS_AT_ONCE:
            lines.append(self.next_line)
            records.append(self._next_record())
        return (lines, records) if records else None

    def _next_record(self) -> Record:
        """Take one line and return its cells; if a quote is open at its end, the lines below may belong to it."""
        try:
            text, encoding = _decode(self._take())
            cells = self._cells_of(text)
            if cells is None:
                cells = self._cells_of_several(text)
        except BadRow as bad:
            return bad
        self._repaired[Repair.ENCODING_CP1251] += encoding == "cp1251"
        return cells

    def _cells_of(self, text: str) -> list[str] | None:
        """Return the cells of a line that is a record by itself (none if it is blank), or None if it is not."""
        try:
            (cells,) = self._dialect.split([text])
        except (csv.Error, ValueError):
            return None
        return cells

    def _cells_of_several(self, text: str) -> list[str]:
        """Return the cells of a record that continues in the lines below.

        Those lines are consumed only if the record then has the header's width and none of them is a row by itself:
        else a quote was left open, and the rows below it are valid.
        """
        lines = chain([text], self._lines_below())
        try:
            cells, number = self._dialect.first_record(line + "\n" for line in lines)
        except csv.Error:
            cells, number = [], 1
        if self._is_row(cells):
            for _ in range(1, number):
                self._take()
            self._repaired[Repair.CELL_OF_SEVERAL_LINES] += 1
            return cells
        raise BadRow(RowFault.BAD_QUOTES, "", "a quote is not closed, or text follows a closing quote")

    def _lines_below(self) -> Iterator[str]:
        """Yield the lines below without taking them, up to the first that is a row by itself or no text."""
        for ahead in range(LINES_OF_A_RECORD - 1):
            if ahead == len(self._pending):
                self._append(next(self._blocks, b""))
            if ahead == len(self._pending):
                return
            try:
                text, _ = _decode(self._pending[ahead])
            except BadRow:
                return
            if text.count('"') % 2 == 0 and self._is_row(self._cells_of(text) or []):
                return
            yield text

    def _is_row(self, cells: list[str]) -> bool:
        """Return whether there are as many cells as the header has; empty ones at the end do not count."""
        width = self._dialect.width
        return len(cells) >= width and not any(map(str.strip, cells[width:]))

    def _take(self) -> bytes:
        self.next_line += 1
        return self._pending.popleft()

    def _append(self, block: bytes) -> None:
        if block:
            self._pending.extend(block.removesuffix(b"\n").split(b"\n"))


def _decode(line: bytes) -> tuple[str, str]:
    """Return a line's text and its encoding: UTF-8, or else cp1251 (what Windows writes where Russian is spoken)."""
    if len(line) > LINE_MAX_BYTES:
        raise BadRow(RowFault.TOO_LARGE, "", f"takes {len(line)} bytes, at most {LINE_MAX_BYTES} are read")
    if b"\0" in line:
        raise BadRow(RowFault.BAD_ENCODING, "", "has a NUL character")
    try:
        return line.decode(), "utf-8"
    except UnicodeDecodeError:
        pass
    try:
        return line.decode("cp1251"), "cp1251"
    except UnicodeDecodeError as error:
        message = f"neither UTF-8 nor cp1251 at byte {error.start + 1} of the line"
        raise BadRow(RowFault.BAD_ENCODING, "", message) from None
