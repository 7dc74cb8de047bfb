"""Bytes to rows of the tables: scores, alerts, and what the scorer publishes about models.

msgspec decodes well-formed scores straight into typed fields; what it refuses is read again, tolerantly, because other
scorers may write scores too. What breaks the contract is a reject. Transactions are decoded by
services.common.reading.stored.
"""

import contextlib
import math
from datetime import datetime
from typing import Annotated, Any

import msgspec
import orjson

from services.common.errors import Reason, Reject
from services.common.kafka.offsets import moment_of
from services.common.reading.message import REFUSED, Id, check_id
from services.common.reading.numbers import read_number
from services.common.reading.values import BadValue, read_id

ScoreRow = tuple[str, float, int, datetime, int, int]
"""transaction_id, score, fraud_flag, scored_at, src_partition, src_offset"""

AlertRow = tuple[str, list[Any], str, float, datetime, int, int]
"""transaction_id, reasons, model_version, threshold, alerted_at, src_partition, src_offset"""

Row = tuple[Any, ...]

MOST_INT4, MOST_INT8 = 2**31 - 1, 2**63 - 1
"""PostgreSQL's: a binary COPY truncates what exceeds an int4, and fails on what exceeds an int8."""

Kind = tuple[type, Any, Any]
"""Type of a field, smallest and largest value; both are ignored for text."""

TEXT: Kind = (str, 0, 0)
COUNT: Kind = (int, 0, MOST_INT8)
SHARE: Kind = (float, 0, 1)
SUM: Kind = (float, 0, math.inf)

RANGE_FIELDS: dict[str, Kind] = {
    "partition": (int, 0, MOST_INT4), "first_offset": COUNT, "model_version": TEXT, "model_sha256": TEXT,
    "threshold": SHARE,
}  # fmt: skip
STATS_FIELDS: dict[str, Kind] = {
    "model_version": TEXT, "shadow_version": TEXT, "scored": COUNT, "skipped": COUNT, "both_flagged": COUNT,
    "only_model": COUNT, "only_shadow": COUNT, "shift": (float, -math.inf, math.inf), "absolute_shift": SUM,
    "largest_shift": SHARE, "cpu_seconds": SUM,
}  # fmt: skip

_FLAGS = {0: 0, 1: 1}
"""Also accepts true and false, which equal 1 and 0."""


class _Score(msgspec.Struct, gc=False, forbid_unknown_fields=True):  # msgspec does not check unknown fields
    transaction_id: Id
    score: Annotated[float, msgspec.Meta(ge=0, le=1)]
    fraud_flag: Annotated[int, msgspec.Meta(ge=0, le=1)]


_as_score = msgspec.json.Decoder(_Score).decode


def decode_score(value: bytes | None, timestamp_ms: int, partition: int, offset: int) -> ScoreRow:
    """Return the row of a message of `scores`.

    Tolerated: an array that holds one object, true/false for the flag, an integer score, numbers written as text, an
    id that is a whole number, additional fields.

    Raises:
        Reject: the message breaks the contract.
    """
    if value and value.isascii():
        try:
            found = _as_score(value)
        except REFUSED:
            found = None
        if found and "\0" not in found.transaction_id:
            return found.transaction_id, found.score, found.fraud_flag, moment_of(timestamp_ms), partition, offset
    given_id, given_score, given_flag = _fields(value, ("transaction_id", "score", "fraud_flag"))
    transaction_id, score, flag = _id(given_id), _share("score", given_score), _as_number(given_flag)
    if type(flag) not in {int, bool, float} or flag not in _FLAGS:
        raise Reject(Reason.OUT_OF_RANGE, "fraud_flag", "expected 0 or 1")
    return transaction_id, score, _FLAGS[flag], moment_of(timestamp_ms), partition, offset


def decode_alert(value: bytes | None, timestamp_ms: int, partition: int, offset: int) -> AlertRow:
    """Return the row of a message of `alerts`. The contents of a reason are not checked.

    Raises:
        Reject: the message breaks the contract.
    """
    given_id, reasons, version, threshold = _fields(value, ("transaction_id", "reasons", "model_version", "threshold"))
    transaction_id = _id(given_id)
    if type(reasons) is not list:
        raise Reject(Reason.BAD_TYPE, "reasons", f"expected an array, got {type(reasons).__name__}")
    try:
        orjson.dumps(reasons)  # its limit of nesting is lower than the parser's, and so are PostgreSQL's and the page's
    except orjson.JSONEncodeError:
        raise Reject(Reason.BAD_JSON, "reasons", "nested too deeply") from None
    if type(version) is not str:
        raise Reject(Reason.BAD_TYPE, "model_version", f"expected text, got {type(version).__name__}")
    return transaction_id, reasons, version, _share("threshold", threshold), moment_of(timestamp_ms), partition, offset


def decode_model_message(value: bytes | None, timestamp_ms: int, partition: int, offset: int) -> tuple[str, Row]:
    """Return "span" or "tally", and its row of `model_spans` or `shadow_tallies`.

    Raises:
        Reject: it is neither, or does not fit the tables.
    """
    try:
        message = orjson.loads(value)  # type: ignore[arg-type]  # None is an error like any other
    except orjson.JSONDecodeError as error:
        raise Reject(Reason.BAD_JSON, "", str(error)) from None
    published_at = moment_of(timestamp_ms)
    match message:
        case {"span": {**fields}}:
            values = _values(fields, RANGE_FIELDS)
            return "span", (f"{values[0]}/{values[1]}", *values, published_at, partition, offset)
        case {"tally": {**fields}}:
            key = f"{partition}/{offset}/{timestamp_ms}"  # in a recreated topic the same offset comes again
            return "tally", (key, *_values(fields, STATS_FIELDS), published_at, partition, offset)
    raise Reject(Reason.NOT_OBJECT, "", "expected a span or a tally")


def _fields(value: bytes | None, names: tuple[str, ...]) -> tuple[Any, ...]:
    """Return the named fields of a message that is an object, or an array that holds one."""
    try:
        message = orjson.loads(value)  # type: ignore[arg-type]  # None is an error like any other
    except orjson.JSONDecodeError as error:
        raise Reject(Reason.BAD_JSON, "", str(error)) from None
    if type(message) is list and len(message) == 1:
        message = message[0]
    if type(message) is not dict:
        raise Reject(Reason.NOT_OBJECT, "", f"expected a JSON object, got {type(message).__name__}")
    fields = tuple(map(message.get, names))
    if None in fields:
        raise Reject(Reason.MISSING_FIELD, names[fields.index(None)], "the field is missing")
    return fields


def _id(given: Any) -> str:
    return check_id(given if type(given) is str else read_id(given))


def _as_number(value: Any) -> Any:
    """Return the number that a text spells; anything else unchanged."""
    with contextlib.suppress(BadValue):
        return read_number("score", value).value if type(value) is str else value
    return value


def _share(field: str, given: Any) -> float:
    value = _as_number(given)
    if type(value) is not float and type(value) is not int:
        raise Reject(Reason.BAD_TYPE, field, f"expected a number, got {type(value).__name__}")
    if not 0 <= value <= 1:
        raise Reject(Reason.OUT_OF_RANGE, field, f"expected 0 to 1, got {value}")
    return float(value)


def _values(fields: dict[Any, Any], kinds: dict[str, Kind]) -> list[Any]:
    for name, (kind, minimum, maximum) in kinds.items():
        value: Any = fields.get(name)
        if type(value) is not kind:
            raise Reject(Reason.BAD_TYPE, name, f"expected {kind.__name__}, got {type(value).__name__}")
        if isinstance(value, str) and "\0" in value:
            raise Reject(Reason.BAD_ENCODING, name, "has a NUL character")
        if kind is not str and not minimum <= value <= maximum:
            raise Reject(Reason.OUT_OF_RANGE, name, f"expected {minimum} to {maximum}, got {value}")
    return [fields[name] for name in kinds]
