"""The contract of the topics: fields, ids and keys."""

import uuid
from collections.abc import Mapping
from typing import Any

from services.common.values import missing_words

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

ID_MAX_CHARACTERS = 128

_NAMESPACE = uuid.UUID("6f0f9a5e-5d0c-5a63-9a53-5f6b1d0f2c41")


def record_id(topic: str, partition: int, offset: int) -> str:
    """Return the id of a record without one: uuid5 of its position in Kafka, the same whenever it is read."""
    return str(uuid.uuid5(_NAMESPACE, f"{topic}/{partition}/{offset}"))


def file_namespace(sha256: bytes) -> uuid.UUID:
    """Return the namespace of a file's row ids from the SHA-256 digest (32 bytes) of the file's content."""
    return uuid.uuid5(_NAMESPACE, sha256.hex())


def row_id(namespace: uuid.UUID, row: int) -> str:
    """Return the id of a file's row (1 = first row under the header): the same file gives the same ids."""
    return str(uuid.uuid5(namespace, str(row)))


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
