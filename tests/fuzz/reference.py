"""What a message should come to, worked out from the contract with the standard library, a message at a time.

Slow and plain on purpose: it shares no line with what it checks.
"""

import json
import math
import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services.common.contract import DECIMAL_FIELDS, INTEGER_FIELDS, TEXT_FIELDS
from services.common.errors import Reason

Faults = set[tuple[Reason, str]]
"""(reason, field) of everything that is wrong with a message; a reject names one of them."""

DEEP = 900
"""From so many brackets on readers of JSON differ in what they take; both fates are right then."""

_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d)(?::(\d\d))?", re.ASCII)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Transaction:
    """A message that can be scored."""

    transaction_id: str | None
    seconds: int
    numbers: dict[str, float]
    texts: dict[str, str | None]


def is_deep(value: bytes | None) -> bool:
    """Return whether a message may be nested so deeply that the reference has no answer."""
    return value is not None and value.count(b"[") + value.count(b"{") > DEEP


def read_transaction(value: bytes | None) -> Transaction | Faults:
    """Return the transaction of a message that is not deep, or what is wrong with it."""
    message = _read_json(value)
    if isinstance(message, Reason):
        return {(message, "")}
    if not isinstance(message, dict):
        return {(Reason.NOT_OBJECT, "")}
    data = message.get("data", message)
    if not isinstance(data, dict):
        return {(Reason.BAD_TYPE, "data")}
    faults = id_faults(message.get("transaction_id"))
    seconds = _seconds(data.get("transaction_time"), faults)
    numbers = {field: _number(field, data.get(field), faults) for field in (*DECIMAL_FIELDS, *INTEGER_FIELDS)}
    texts = {field: _text(field, data.get(field), faults) for field in TEXT_FIELDS if field != "transaction_time"}
    return faults or Transaction(message.get("transaction_id"), seconds, numbers, texts)


def score_faults(value: bytes | None, timestamp_ms: int) -> Faults:
    """Return what is wrong with a message of `scores`, which must be strict JSON."""
    message = _read_json(value, strict=True)
    if isinstance(message, Reason):
        return {(Reason.BAD_JSON, "")}
    if isinstance(message, list) and len(message) == 1:
        message = message[0]
    if not isinstance(message, dict):
        return {(Reason.NOT_OBJECT, "")}
    fields = ("transaction_id", "score", "fraud_flag")
    faults = {(Reason.MISSING_FIELD, field) for field in fields if message.get(field) is None}
    faults |= id_faults(message.get("transaction_id"))
    score, flag = message.get("score"), message.get("fraud_flag")
    if type(score) not in {int, float, type(None)}:
        faults.add((Reason.BAD_TYPE, "score"))
    elif score is not None and not 0 <= score <= 1:
        faults.add((Reason.OUT_OF_RANGE, "score"))
    if type(flag) not in {int, float, bool, type(None)} or flag not in {0, 1, None}:
        faults.add((Reason.OUT_OF_RANGE, "fraud_flag"))
    try:
        datetime.fromtimestamp(timestamp_ms / 1000, UTC)
    except (ValueError, OverflowError):
        faults.add((Reason.OUT_OF_RANGE, "timestamp"))
    return faults


def id_faults(transaction_id: Any) -> Faults:
    """Return what is wrong with an id; to have none is not wrong."""
    field = "transaction_id"
    if transaction_id is None:
        return set()
    if not isinstance(transaction_id, str):
        return {(Reason.BAD_TYPE, field)}
    faults: Faults = set()
    if not 1 <= len(transaction_id) <= 128:
        faults.add((Reason.OUT_OF_RANGE, field))
    if "\0" in transaction_id or _LONE_SURROGATE.search(transaction_id):
        faults.add((Reason.BAD_ENCODING, field))
    return faults


def _read_json(value: bytes | None, *, strict: bool = False) -> Any:
    if not value:
        return Reason.BAD_JSON
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return Reason.BAD_ENCODING
    try:
        if not strict:
            return json.loads(text, parse_int=_number_of)
        pairs = json.loads(text, object_pairs_hook=list)
        json.dumps(pairs, ensure_ascii=False).encode()  # fails for a lone surrogate anywhere
        message = json.loads(text, parse_constant=_refuse, parse_float=_finite, parse_int=_short)
    except (ValueError, RecursionError):
        return Reason.BAD_JSON
    return message


def _refuse(_: str) -> float:
    raise ValueError


def _number_of(digits: str) -> float:
    return int(digits) if len(digits) < 4_000 else float(digits)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError
    return number


def _short(text: str) -> int | float:
    return int(text) if abs(int(text)) < 1 << 63 else _finite(text)


def _seconds(value: Any, faults: Faults) -> int:
    field = "transaction_time"
    if _is_missing(value):
        faults.add((Reason.MISSING_FIELD, field))
    elif not isinstance(value, str):
        faults.add((Reason.BAD_TYPE, field))
    elif (match := _TIME.fullmatch(value)) is None:
        faults.add((Reason.BAD_TIME, field))
    else:
        year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
        in_range = 1970 <= year <= 2099 and 1 <= month <= 12 and hour < 24 and minute < 60 and second < 60
        if in_range and 1 <= day <= monthrange(year, month)[1]:
            return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
        faults.add((Reason.BAD_TIME, field))
    return 0


def _number(field: str, value: Any, faults: Faults) -> float:
    number = math.nan
    if type(value) in {int, float}:
        number = _to_float(value)
    elif not _is_missing(value):
        faults.add((Reason.BAD_TYPE, field))
        return math.nan
    if field != "amount":
        return number if math.isfinite(number) else math.nan
    if _is_missing(value):
        faults.add((Reason.MISSING_FIELD, field))
        faults.add((Reason.OUT_OF_RANGE, field))  # a bare NaN is a number to JSON's writers
    elif not abs(number) <= 1e12:
        faults.add((Reason.OUT_OF_RANGE, field))
    return number


def _to_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _text(field: str, value: Any, faults: Faults) -> str | None:
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if not _is_missing(value):
        faults.add((Reason.BAD_TYPE, field))
    elif field == "cat_id":
        faults.add((Reason.MISSING_FIELD, field))
    return None


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
