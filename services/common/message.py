"""Opens a message of `transactions`: bytes to (id, data). Knows which forms producers use, not what the model needs."""

import json
import re
from typing import Any

import orjson

from services.common.contract import ID_MAX_CHARACTERS
from services.common.errors import Reason, Reject
from services.common.values import Mend, read_id

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


_BOM = b"\xef\xbb\xbf"


def open_envelope(value: bytes | None) -> tuple[str | None, dict[str, Any]]:
    """Return the transaction's id (None if it has none) and its fields.

    Both forms in use are accepted: `{"transaction_id": …, "data": {fields}}` and `{"transaction_id": …, fields}`.
    Bare NaN and Infinity, which JSON (RFC 8259) does not know but pandas and the standard library write, are read. Half
    of a surrogate pair, which JSON can name but no encoding can write, becomes U+FFFD; in an id it is a reject. An id
    that is a whole number is its digits, one that is a word for "missing" is none; a byte-order mark is skipped.

    Raises:
        Reject: bad_json, bad_encoding, not_object, or a wrong `transaction_id` or `data`.
    """
    return open_told(value, [])


def open_told(value: bytes | None, mends: list[Mend]) -> tuple[str | None, dict[str, Any]]:
    """Do what open_envelope() does, and add what was mended to `mends`."""
    if value and value.startswith(_BOM):
        value = value[len(_BOM) :]
    try:
        message = orjson.loads(value)  # type: ignore[arg-type]  # None is an error like any other
    except orjson.JSONDecodeError:
        message = _read_leniently(value)
    if type(message) is not dict:
        raise Reject(Reason.NOT_OBJECT, "", f"expected a JSON object, got {type(message).__name__}")
    data = message.get("data", message)
    if type(data) is not dict:
        raise Reject(Reason.BAD_TYPE, "data", f"expected an object, got {type(data).__name__}")
    return _id_of(message, value, mends), data


def _id_of(message: dict[str, Any], value: bytes | None, mends: list[Mend]) -> str | None:
    given = message.get("transaction_id")
    if type(given) is float and abs(given) >= 2**63:  # orjson's reading of a whole number of 65 bits and more
        given = _read_leniently(value).get("transaction_id")
    transaction_id = read_id(given)
    if transaction_id is None:
        mends += [Mend.MISSING_WORD] if given is not None else []
        return None
    mends += [Mend.ID_AS_NUMBER] if transaction_id is not given else []
    return check_id(transaction_id)


def check_id(transaction_id: object) -> str:
    """Return the id, or raise Reject unless it is text of 1 to 128 characters that PostgreSQL and Kafka can hold."""
    if type(transaction_id) is not str:
        found = type(transaction_id).__name__
        raise Reject(Reason.BAD_TYPE, "transaction_id", f"expected text, got {found}")
    if not 0 < len(transaction_id) <= ID_MAX_CHARACTERS:
        raise Reject(
            Reason.OUT_OF_RANGE,
            "transaction_id",
            f"expected 1 to {ID_MAX_CHARACTERS} characters, got {len(transaction_id)}",
        )
    if not transaction_id.isascii():
        try:
            transaction_id.encode()
        except UnicodeEncodeError:
            raise Reject(Reason.BAD_ENCODING, "transaction_id", "has a lone surrogate") from None
    if "\0" in transaction_id:
        raise Reject(Reason.BAD_ENCODING, "transaction_id", "has a NUL character")
    return transaction_id


def _read_leniently(value: bytes | None) -> Any:
    """Read what orjson refused: JSON with bare NaN, Infinity or lone surrogates, or else name what is wrong."""
    if not value:
        raise Reject(Reason.BAD_JSON, "", "the message is empty")
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        raise Reject(Reason.BAD_ENCODING, "", f"not UTF-8 at byte {error.start}") from None
    try:
        hook = _without_lone_surrogates if "\\u" in text else None
        return json.loads(text, object_hook=hook, parse_int=_to_number)
    except json.JSONDecodeError as error:
        raise Reject(Reason.BAD_JSON, "", f"{error.msg} at character {error.pos}") from None
    except RecursionError:
        raise Reject(Reason.BAD_JSON, "", "nested too deeply") from None


def _to_number(digits: str) -> float:
    """Return an integer; one longer than Python reads (sys.int_info.default_max_str_digits) is far out of any range."""
    try:
        return int(digits)
    except ValueError:
        return float(digits)


def _without_lone_surrogates(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        field: _LONE_SURROGATE.sub("\ufffd", value) if type(value) is str and field != "transaction_id" else value
        for field, value in fields.items()
    }
