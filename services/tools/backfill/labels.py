"""Reads outcomes from a labelled file in the competition's format.

The ids are those that the sender gives the rows: of a column `transaction_id`, or else of their content. Those that
earlier versions made, of the file and the row, are returned as well.
"""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import orjson

from services.common.contract import file_namespace, row_id
from services.common.errors import Stop
from services.sender.csvfile import find_mark
from services.sender.dialect import read_dialect
from services.sender.ids import numbered
from services.sender.report import BadRow, FileRefused
from services.sender.rows import OWN_ID, RowEncoder

TARGET, ID = "target", "transaction_id"
OUTCOMES = {"0": False, "1": True, "0.0": False, "1.0": True}


def read_labels(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield (transaction id, whether it is a fraud) of each row that the sender sends, under each id it may have.

    Raises:
        Stop: the file cannot be read, has no column `target`, or one with other values than 0 and 1.
    """
    header, rows = _cells(path)
    if TARGET not in header:
        raise Stop(f"{path} has no column {TARGET}")
    own = header.index(ID) if ID in header else None
    own_ids = ["" if own is None else row[own] for row in rows]
    made = repeat(()) if all(own_ids) else _made_ids(path, rows)
    for number, (row, own_id, other_ids) in enumerate(zip(rows, own_ids, made, strict=False), start=1):
        if (outcome := OUTCOMES.get(row[header.index(TARGET)])) is None:
            raise Stop(f"{path}, row {number}: {TARGET} must be 0 or 1")
        for transaction_id in (own_id,) if own_id else other_ids:
            yield transaction_id, outcome


def _cells(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return the names of the columns, and the rows, each as wide as the header."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = csv.reader(file)
    except (OSError, ValueError) as error:  # of bytes that are no text too
        raise Stop(f"{path} cannot be read: {error}") from error
    width = len(header)
    return header, [(row + [""] * width)[:width] for row in rows if row]


def _made_ids(path: Path, rows: list[list[str]]) -> Iterator[tuple[str, ...]]:
    """Yield the current and the earlier id of each row; none if the sender refuses the row."""
    try:
        with path.open("rb") as file:
            dialect = read_dialect(file)
            encoder = RowEncoder(dialect, Counter(), mark=find_mark(file, dialect))
            file.seek(0)
            namespace = file_namespace(hashlib.file_digest(file, "sha256").digest())
    except FileRefused as refused:
        raise Stop(f"{path} cannot be read: {refused.detail}") from refused
    seen: Counter[bytes] = Counter()
    for number, row in enumerate(rows, start=1):
        try:
            transaction = encoder.encode(row)
        except BadRow:
            transaction = None
        if transaction is None:
            yield ()
            continue
        _, _, message, octets = transaction
        yield orjson.loads(numbered(message, seen[octets]))[ID], row_id(namespace, number)
        seen[octets] += octets != OWN_ID
