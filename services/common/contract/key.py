"""The Kafka key of a record: whose past counts."""

from collections.abc import Mapping
from typing import Any

from services.common.contract.model import Contract


def key_text(data: Mapping[str, Any], contract: Contract) -> str | None:
    """Return the fields of the key, joined by |; None if one is missing or no text, or if the contract has no key."""
    fields = contract.record.key
    parts: list[Any] = [data.get(field) for field in fields]
    try:
        key = "|".join(parts)
    except TypeError:  # one is no text
        return None
    missing = any(part in contract.fields[field].missing_words for field, part in zip(fields, parts, strict=True))
    return None if missing or not fields else key


def record_key(data: Mapping[str, Any], contract: Contract) -> bytes | None:
    """Return the Kafka key of a record, or None as key_text() does."""
    key = key_text(data, contract)
    return None if key is None else key.encode()
