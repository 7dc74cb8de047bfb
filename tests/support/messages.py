"""Messages as producers of `transactions` write them."""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from tests.support.contracts import DECIMAL_FIELDS, INTEGER_FIELDS, TEXT_FIELDS, customer_key

TRANSACTION: dict[str, Any] = {
    "transaction_time": "2019-09-14 02:46", "merch": "fraud_Stokes, Christiansen and Sipes", "cat_id": "grocery_net",
    "amount": 25.79, "name_1": "Ada", "name_2": "Example", "gender": "F", "street": "1 Test Lane",
    "one_city": "Nowhere", "us_state": "TX", "post_code": 76443,
    "lat": 32.1482, "lon": -99.1872, "population_city": 1897,
    "jobs": "Chief Operating Officer", "merchant_lat": 31.772057, "merchant_lon": -99.103183,
}  # fmt: skip

FRAUD: dict[str, Any] = TRANSACTION | {
    "transaction_time": "2019-09-14 23:10",
    "cat_id": "shopping_net",
    "amount": 995.7,
    "name_1": "Eve",
}
"""A transaction that any model of this data flags, of a customer without a past."""


def nested(transaction_id: str | None, **changes: Any) -> bytes:
    """Return a message of the nested form."""
    message = {"data": TRANSACTION | changes}
    return orjson.dumps(message if transaction_id is None else {"transaction_id": transaction_id, **message})


def flat(transaction_id: str | None, **changes: Any) -> bytes:
    """Return a message of the flat form."""
    return orjson.dumps({"transaction_id": transaction_id, **TRANSACTION, **changes})


def keyed(path: Path, rows: int, skip: int = 0) -> Iterator[tuple[bytes | None, bytes]]:
    """Yield (key, value) of a file's transactions, as the sender writes them."""
    kinds: dict[str, Callable[[str], Any]] = dict.fromkeys(TEXT_FIELDS, str)
    kinds |= dict.fromkeys(INTEGER_FIELDS, int) | dict.fromkeys(DECIMAL_FIELDS, float)
    with path.open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file)):
            if number >= rows:
                return
            if number >= skip:
                data = {field: kind(row[field]) for field, kind in kinds.items()}
                yield customer_key(data), orjson.dumps({"transaction_id": f"{number}", "data": data})
