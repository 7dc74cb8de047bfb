"""Finds out what separates decimals in a whole file, by the evidence of all its numbers. Knows nothing of rows."""

from collections import Counter
from typing import BinaryIO

from services.common.contract import INTEGER_FIELDS
from services.common.message import NUMBERS
from services.common.numbers import Mark, NumberMarks
from services.sender.dialect import Dialect
from services.sender.records import read_records


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
