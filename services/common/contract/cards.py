"""The fields of card transactions, and their key."""

from collections.abc import Mapping
from typing import Any

from services.common.values import MISSING, MISSING_NAMES

TEXT_FIELDS = (
    "transaction_time", "merch", "cat_id", "name_1", "name_2", "gender",
    "street", "one_city", "us_state", "jobs",
)  # fmt: skip
INTEGER_FIELDS = ("post_code", "population_city")
DECIMAL_FIELDS = ("amount", "lat", "lon", "merchant_lat", "merchant_lon")

FIELDS = (
    "transaction_time", "merch", "cat_id", "amount", "name_1", "name_2", "gender", "street", "one_city",
    "us_state", "post_code", "lat", "lon", "population_city", "jobs", "merchant_lat", "merchant_lon",
)  # fmt: skip
"""The 17 columns of the competition's test.csv, in its order."""

CUSTOMER_FIELDS = ("name_1", "name_2", "street")
"""These three together identify the customer, and make the Kafka key of a transaction."""

NAME_FIELDS = ("name_1", "name_2")
"""Fields of people's names, in which Null is none of the words for "missing"."""


def missing_words(field: str) -> frozenset[str]:
    """Return the words for "missing" in a field, without spaces around them."""
    return MISSING_NAMES if field in NAME_FIELDS else MISSING


def customer_of(data: Mapping[str, Any]) -> str | None:
    """Return the customer `name_1|name_2|street`, or None if a part is missing or a word for "missing"."""
    parts: list[Any] = [*map(data.get, CUSTOMER_FIELDS)]
    try:
        customer = "|".join(parts)
    except TypeError:  # one is no text
        return None
    named = zip(CUSTOMER_FIELDS, parts, strict=True)
    return None if any(part in missing_words(field) for field, part in named) else customer


def customer_key(data: Mapping[str, Any]) -> bytes | None:
    """Return the Kafka key of a transaction, or None if a part of its customer is missing."""
    customer = customer_of(data)
    return None if customer is None else customer.encode()
