"""Bytes to rows of the tables. Pure: knows nothing of Kafka clients and of SQL.

What fits is decoded straight into typed fields by msgspec; what it refuses is read again with care. Scores are read
tolerantly, as other scorers write them too; what breaks the contract is a reject, an alert too. The context of a
transaction is read leniently: what is missing or odd becomes null, for the scorer is the judge of transactions.
"""

import contextlib
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
import orjson

from services.common.contract import CUSTOMER_FIELDS, customer_of, record_id
from services.common.envelope import check_id, open_envelope
from services.common.errors import Reason, Reject
from services.common.fields import REFUSED, FieldReader, Id, decimal_mark, pick_field
from services.common.numbers import read_number
from services.common.timestamps import moment_of
from services.common.values import BadValue, read_id, read_time

ScoreRow = tuple[str, float, int, datetime, int, int]
"""transaction_id, score, fraud_flag, scored_at, src_partition, src_offset"""

AlertRow = tuple[str, list[Any], str, float, datetime, int, int]
"""transaction_id, reasons, model_version, threshold, alerted_at, src_partition, src_offset"""

TransactionRow = tuple[
    str, datetime | None, float | None, str | None, str | None, str | None, str | None, str | None, int, int
]
"""transaction_id, event_time, amount, category, merchant, state, city, customer, src_partition, src_offset"""

_CONTEXT_FIELDS = ("transaction_time", "amount", "cat_id", "merch", "us_state", "one_city", *CUSTOMER_FIELDS)

_TIME_LENGTHS = frozenset({len("2019-09-14 02:46"), len("2019-09-14 02:46:00")})
_CUSTOMER_MAX_CHARACTERS = 512
"""What an index entry of PostgreSQL holds (2,704 bytes) at 4 bytes a character, with the event time beside it."""

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


class TransactionReader:
    """Reads many transactions at once, as decode_transaction() reads one."""

    def __init__(self) -> None:
        self._reader = FieldReader((), _CONTEXT_FIELDS)

    def read(
        self, values: Sequence[bytes | None], topic: str, places: Sequence[tuple[int, int]]
    ) -> tuple[list[TransactionRow], int]:
        """Return the rows of those that are transactions, in their order, and how many are none.

        Args:
            values: the messages' bytes [m].
            topic: of the messages.
            places: (partition, offset) of each [m].
        """
        read = self._reader.read(values, lambda number: record_id(topic, *places[number]))
        rows: dict[int, TransactionRow] = {}
        for transaction_id, number, fields in zip(read.ids, read.places, read.rows, strict=True):
            time, amount, category, merchant, state, city, name, surname, street = fields
            partition, offset = places[number]
            rows[number] = (
                transaction_id,
                _time(time),
                amount if amount is None or math.isfinite(amount) else None,
                category,
                merchant,
                state,
                city,
                _short(f"{name}|{surname}|{street}") if name and surname and street else None,
                partition,
                offset,
            )
        odd = _places_with_nul(values) | read.rejects.keys()
        for number in odd:
            rows.pop(number, None)
            with contextlib.suppress(Reject):
                rows[number] = decode_transaction(values[number], topic, *places[number])
        in_order = [rows[number] for number in sorted(rows)] if odd else [*rows.values()]
        return in_order, len(values) - len(rows)


def decode_transaction(value: bytes | None, topic: str, partition: int, offset: int) -> TransactionRow:
    """Return the row of a message of `transactions`; a field that is missing or of another type is None.

    Raises:
        Reject: not a transaction at all, so that the scorer rejects it too.
    """
    transaction_id, data = open_envelope(value)
    return (
        transaction_id or record_id(topic, partition, offset),
        _time(data.get("transaction_time")),
        _number(data),
        _text(data, "cat_id"),
        _text(data, "merch"),
        _text(data, "us_state"),
        _text(data, "one_city"),
        _customer(data),
        partition,
        offset,
    )


def _places_with_nul(values: Sequence[bytes | None]) -> set[int]:
    """Return the places of messages in which JSON writes the character that PostgreSQL cannot hold."""
    if b"\\" not in b"".join(filter(None, values)):
        return set()
    return {place for place, value in enumerate(values) if value and b"\\u0000" in value}


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


def _customer(data: Mapping[str, Any]) -> str | None:
    return _short((customer_of(data) or "").replace("\0", "")) or None


def _short(customer: str) -> str | None:
    return customer if len(customer) <= _CUSTOMER_MAX_CHARACTERS else None


def _time(value: Any) -> datetime | None:
    """Return a time; those in the contract's spelling by the standard library, which is faster."""
    if type(value) is not str:
        return None
    if len(value) in _TIME_LENGTHS:
        try:
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo is None else moment.replace(tzinfo=None)
        except ValueError:
            pass
    with contextlib.suppress(BadValue):
        return read_time(value).time
    return None


def _number(data: Mapping[str, Any]) -> float | None:
    number = _picked("amount", data)
    return number if type(number) is float and math.isfinite(number) else None


def _text(data: Mapping[str, Any], field: str) -> str | None:
    value = _picked(field, data)
    return value.replace("\0", "") if type(value) is str else None


def _picked(field: str, data: Mapping[str, Any]) -> float | str | None:
    """Return a field as the scorer reads it, None if it cannot be read."""
    with contextlib.suppress(Reject):
        return pick_field(field, data, decimal_mark(data), [])
    return None
