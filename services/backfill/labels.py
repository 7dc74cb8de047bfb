"""Reads outcomes from a labelled file in the competition's format. Knows no SQL.

The ids are those that the sender gives the file's rows, so the labelled file itself must have been sent, or it must
have a column `transaction_id`.
"""

import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path

from services.common.contract import file_namespace, row_id
from services.common.errors import Stop

TARGET, ID = "target", "transaction_id"
OUTCOMES = {"0": False, "1": True, "0.0": False, "1.0": True}


def read_labels(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield (transaction id, whether it is a fraud) of each row.

    Raises:
        Stop: the file cannot be read, has no column `target`, or one that holds something else than 0 and 1.
    """
    try:
        namespace = file_namespace(hashlib.sha256(path.read_bytes()).digest())
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            if TARGET not in (rows.fieldnames or ()):
                raise Stop(f"{path} has no column {TARGET}")
            for number, row in enumerate(rows, start=1):
                if (outcome := OUTCOMES.get(row[TARGET] or "")) is None:
                    raise Stop(f"{path}, row {number}: {TARGET} must be 0 or 1")
                yield row.get(ID) or row_id(namespace, number), outcome
    except (OSError, UnicodeDecodeError) as error:
        raise Stop(f"{path} cannot be read: {error}") from error
