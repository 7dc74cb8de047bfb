"""Reads outcomes from a labelled CSV file that was sent.

The ids are those that the sender gives the rows: of the column of ids, or else of their content. Those that
earlier versions made, of the file and the row, are returned as well.
"""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

from services.common.contract.ids import file_namespace, row_id
from services.common.contract.model import Contract
from services.common.errors import Stop
from services.sender.csvfile import find_mark
from services.sender.dialect import TARGET_COLUMN, read_dialect
from services.sender.ids import MessageMaker
from services.sender.report import BadRow, FileRefused
from services.sender.rows import OWN_ID, RowEncoder

OUTCOMES = {"0": False, "1": True, "0.0": False, "1.0": True}


def read_labels(path: Path, contract: Contract) -> Iterator[tuple[str, bool]]:
    """Yield (transaction id, whether it is a fraud) of each row that the sender sends, under each id it may have.

    Raises:
        Stop: the file cannot be read, has no column `target`, or one with other values than 0 and 1.
    """
    header, rows = _cells(path)
    if TARGET_COLUMN not in header:
        raise Stop(f"{path} has no column {TARGET_COLUMN}")
    own = header.index(contract.record.id) if contract.record.id in header else None
    own_ids = ["" if own is None else row[own] for row in rows]
    made = repeat(()) if all(own_ids) else _made_ids(path, rows, contract)
    for number, (row, own_id, other_ids) in enumerate(zip(rows, own_ids, made, strict=False), start=1):
        if (outcome := OUTCOMES.get(row[header.index(TARGET_COLUMN)])) is None:
            raise Stop(f"{path}, row {number}: {TARGET_COLUMN} must be 0 or 1")
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


def _made_ids(path: Path, rows: list[list[str]], contract: Contract) -> Iterator[tuple[str, ...]]:
    """Yield the current and the earlier id of each row; none if the sender refuses the row."""
    try:
        with path.open("rb") as file:
            dialect = read_dialect(file, contract)
            encoder = RowEncoder(contract, dialect, Counter(), find_mark(file, dialect, contract))
            file.seek(0)
            namespace = file_namespace(hashlib.file_digest(file, "sha256").digest())
    except FileRefused as refused:
        raise Stop(f"{path} cannot be read: {refused.detail}") from refused
    messages, seen = MessageMaker(contract), Counter[bytes]()
    for number, row in enumerate(rows, start=1):
        try:
            transaction = encoder.encode(row)
        except BadRow:
            transaction = None
        if transaction is None:
            yield ()
            continue
        _, _, message, octets = transaction
        yield messages.id_of(messages.numbered(message, seen[octets])), row_id(namespace, number)
        seen[octets] += octets != OWN_ID
