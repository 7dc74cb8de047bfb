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

from services.common.errors import Reason
from tests.support.contracts import DECIMAL_FIELDS, INTEGER_FIELDS, TEXT_FIELDS

Faults = set[tuple[Reason, str]]
"""(reason, field) of everything that is wrong with a message; a reject names one of them."""

DEEP = 900
"""From so many brackets on readers of JSON differ in what they take; both fates are right then."""

_CLOCK = r"(\d\d?):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?"
_TIMES = (
    (re.compile(rf"(\d{{4}})([-/.])(\d\d?)\2(\d\d?)(?:T|,? +){_CLOCK}", re.A | re.I), (1, 3, 4)),
    (re.compile(rf"(\d\d?)(\.)(\d\d?)\.(\d{{4}})(?:T|,? +){_CLOCK}", re.A | re.I), (4, 3, 1)),
    (re.compile(r"(\d{4})()(\d\d)(\d\d)T(\d\d)(\d\d)(?:(\d\d)(?:[.,]\d+)?)?", re.A | re.I), (1, 3, 4)),
)
"""Forms of a time, and where year, month and day stand; 5, 6 and 7 are hour, minute and second."""
_ZONE = re.compile(r"(?<=\d) ?(?:Z|UTC|GMT|[+-](?:0\d|1[0-4])(?::?[0-5]\d)?)$", re.A | re.I)
_MISSING = {"", "-", "--", "–", "—", "na", "n/a", "n.a.", "#n/a", "#na", "nan", "-nan", "nat", "null", "(null)", "nil",
            "none", "<na>", "\\n", "undefined"}  # fmt: skip
_NAMES = {"Na", "Nan", "Nil", "Null"}
_COORDINATES = ("lat", "lon", "merchant_lat", "merchant_lon")
_NUMBERS = (*DECIMAL_FIELDS, *INTEGER_FIELDS)
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
    transaction_id = _id(message.get("transaction_id"), missing=_MISSING)
    faults = id_faults(transaction_id)
    seconds = _seconds(data.get("transaction_time"), faults)
    mark = _mark(data)
    numbers = {field: _number(field, data.get(field), mark, faults) for field in _NUMBERS}
    texts = {field: _text(field, data.get(field), faults) for field in TEXT_FIELDS if field != "transaction_time"}
    return faults or Transaction(transaction_id, seconds, numbers, texts)


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
    faults |= id_faults(_id(message.get("transaction_id"), missing=set()))
    score, flag = _told_number(message.get("score")), _told_number(message.get("fraud_flag"))
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
    if value and not strict:
        value = value.removeprefix(b"\xef\xbb\xbf")
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
    return int(text) if -(1 << 63) <= int(text) < 1 << 64 else _finite(text)


def _seconds(value: Any, faults: Faults) -> int:
    field = "transaction_time"
    if _is_missing(value.strip() if isinstance(value, str) else value):
        faults.add((Reason.MISSING_FIELD, field))
    elif not isinstance(value, str):
        faults.add((Reason.BAD_TYPE, field))
    elif (parts := _parts_of_time(value)) is None:
        faults.add((Reason.BAD_TIME, field))
    else:
        year, month, day, hour, minute, second = parts
        in_range = 1970 <= year <= 2099 and 1 <= month <= 12 and hour < 24 and minute < 60 and second < 60
        if in_range and 1 <= day <= monthrange(year, month)[1]:
            return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
        faults.add((Reason.BAD_TIME, field))
    return 0


def _parts_of_time(text: str) -> tuple[int, ...] | None:
    """Return year, month, day, hour, minute and second as they are written; the zone is not looked at."""
    text = _ZONE.sub("", text.strip())
    for form, places in _TIMES:
        if match := form.fullmatch(text):
            return tuple(int(match[place] or 0) for place in (*places, 5, 6, 7))
    return None


def _id(value: Any, missing: set[str]) -> Any:
    if type(value) is int:
        return str(value)
    return None if isinstance(value, str) and value.lower() in missing else value


def _told_number(value: Any) -> Any:
    """Return the number in a text of `scores`."""
    found = _number_in("score", value, None) if isinstance(value, str) else None
    return value if found is None else found


def _readings(text: str, *, grouped: bool = True) -> dict[str, float]:
    """Return decimal mark -> the number that a text is with it, for those with which it is one."""
    text = text.translate(str.maketrans("\u00a0\u2009\u202f\u2019\u2212", "   '-"))
    found = {}
    for mark, other in (".,", ",."):
        whole, _, decimals = text.partition(mark)
        sign = whole[:1] if whole[:1] in "+-" else ""
        groups = [whole[len(sign) :].split(group) for group in (" ", "'", *(other if grouped else ""))]
        split = next((parts for parts in groups if len(parts) > 1), None)
        if split is not None:
            fits = re.fullmatch("[1-9][0-9]{0,2}", split[0]) and all(re.fullmatch("[0-9]{3}", p) for p in split[1:])
            if fits and re.fullmatch("[0-9]+", decimals if mark in text else "0"):
                found[mark] = float(f"{sign}{''.join(split)}.{decimals or 0}")
        elif re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", plain := text.replace(mark, "."), re.A) and (
            other not in text or mark == other
        ):
            found[mark] = float(plain)
    return found


def _mark(data: dict[str, Any]) -> str | None:
    """Return the decimal mark that the texts of a message prove, if they prove one."""
    proved: set[str] = set()
    for field in _NUMBERS:
        if isinstance(text := data.get(field), str):
            found = _readings(text.strip(), grouped=field not in _COORDINATES)
            if len(found) == 1:
                proved |= found.keys() if set(".,") & set(text) else set()
            elif found and found["."] != found[","] and field in INTEGER_FIELDS:
                whole = {mark for mark, number in found.items() if number.is_integer()}
                proved |= whole if len(whole) == 1 else set()
    return proved.pop() if len(proved) == 1 else None


def _number_in(field: str, text: str, mark: str | None) -> float | None:
    """Return the number in a text, None if there is none or more than one."""
    found = _readings(text.strip(), grouped=field not in _COORDINATES)
    if len(set(found.values())) < 2:
        return next(iter(found.values()), None)
    if mark:
        return found[mark]
    if "." in text:
        return found["."]
    return found["."] if field in INTEGER_FIELDS and not found[","].is_integer() else None


def _number(field: str, value: Any, mark: str | None, faults: Faults) -> float:
    number = math.nan
    if isinstance(value, str) and not _is_missing(value.strip()):
        value = _number_in(field, value, mark)
        if value is None:
            faults.add((Reason.BAD_TYPE, field))
            return math.nan
    elif isinstance(value, str):
        value = None
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
    is_name = isinstance(value, str) and field in {"name_1", "name_2"} and value in _NAMES
    if isinstance(value, str) and (is_name or not _is_missing(value)):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if not _is_missing(value):
        faults.add((Reason.BAD_TYPE, field))
    elif field == "cat_id":
        faults.add((Reason.MISSING_FIELD, field))
    return None


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return value.lower() in _MISSING
    return value is None or (isinstance(value, float) and math.isnan(value))
