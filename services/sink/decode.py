"""Bytes to rows of the tables. Pure: knows nothing of Kafka clients and of SQL.

What fits is decoded straight into typed fields by msgspec; what it refuses is read again with care. Scores are read
tolerantly, as other scorers write them too; what breaks the contract is a reject, an alert too. Transactions, which are
read leniently: services.common.stored.
"""

import contextlib
from datetime import datetime
from typing import Annotated, Any

import msgspec
import orjson

from services.common.errors import Reason, Reject
from services.common.fields import REFUSED, Id
from services.common.kafka.timestamps import moment_of
from services.common.message import check_id
from services.common.numbers import read_number
from services.common.values import BadValue, read_id

ScoreRow = tuple[str, float, int, datetime, int, int]
"""transaction_id, score, fraud_flag, scored_at, src_partition, src_offset"""

AlertRow = tuple[str, list[Any], str, float, datetime, int, int]
"""transaction_id, reasons, model_version, threshold, alerted_at, src_partition, src_offset"""

_FLAGS = {0: 0, 1: 1}
"""Also takes true and false, which equal 1 and 0."""


class _Score(msgspec.Struct, gc=False, forbid_unknown_fields=True):  # what such a field holds msgspec would not look at
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
    """Return the row of a message of `alerts`. What stands in a reason is for its readers to judge.

    Raises:
        Reject: the message breaks the contract.
    """
    given_id, reasons, version, threshold = _fields(value, ("transaction_id", "reasons", "model_version", "threshold"))
    transaction_id = _id(given_id)
    if type(reasons) is not list:
        raise Reject(Reason.BAD_TYPE, "reasons", f"expected an array, got {type(reasons).__name__}")
    try:
        orjson.dumps(reasons)  # goes less deep than its reader: so does PostgreSQL's, and that of the page
    except orjson.JSONEncodeError:
        raise Reject(Reason.BAD_JSON, "reasons", "nested too deeply") from None
    if type(version) is not str:
        raise Reject(Reason.BAD_TYPE, "model_version", f"expected text, got {type(version).__name__}")
    return transaction_id, reasons, version, _share("threshold", threshold), moment_of(timestamp_ms), partition, offset


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
    """Return the number that a text spells, and anything else as it is."""
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
