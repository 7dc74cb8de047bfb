"""Whether a record of any topic is about a customer. Pure."""

from collections.abc import Collection

import orjson

from services.common.contract.key import record_key
from services.common.contract.model import Contract
from services.common.errors import Reject
from services.common.reading.message import open_envelope


def mentions(key: bytes | None, value: bytes | None, customer: str, ids: Collection[str], contract: Contract) -> bool:
    """Return whether a record is of a customer (the text of their key), by its key, its fields or its transaction id.

    A value that is no JSON is searched for the parts of the key.
    """
    whole = customer.encode()
    if key is not None and (key == whole or key.decode(errors="replace") in ids):
        return True
    try:
        transaction_id, data = open_envelope(value, None, contract.record)
    except Reject:
        return all(part in (value or b"") for part in whole.split(b"|")) or _has_id(value, ids)
    return record_key(data, contract) == whole or transaction_id in ids


def _has_id(value: bytes | None, ids: Collection[str]) -> bool:
    """Return whether an invalid score is of one of these transactions."""
    try:
        message = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return False
    found = message[0] if isinstance(message, list) and message else message
    return isinstance(found, dict) and isinstance(found.get("transaction_id"), str) and found["transaction_id"] in ids
