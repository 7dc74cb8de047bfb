"""Messages of `scorer.models` to rows: which model scored from where on, and what a shadow model did. Pure."""

import math
from typing import Any

import orjson

from services.common.errors import Reason, Reject
from services.common.kafka.timestamps import moment_of

MOST_INT4, MOST_INT8 = 2**31 - 1, 2**63 - 1
"""PostgreSQL's: a binary COPY cuts off what is larger than an int4, and fails on what is larger than an int8."""

Kind = tuple[type, Any, Any]
"""The type of a field, and from where to where it goes; of a text nothing more is asked."""

TEXT: Kind = (str, 0, 0)
COUNT: Kind = (int, 0, MOST_INT8)
SHARE: Kind = (float, 0, 1)
SUM: Kind = (float, 0, math.inf)

SPAN_FIELDS: dict[str, Kind] = {
    "partition": (int, 0, MOST_INT4), "first_offset": COUNT, "model_version": TEXT, "model_sha256": TEXT,
    "threshold": SHARE,
}  # fmt: skip
TALLY_FIELDS: dict[str, Kind] = {
    "model_version": TEXT, "shadow_version": TEXT, "scored": COUNT, "skipped": COUNT, "both_flagged": COUNT,
    "only_model": COUNT, "only_shadow": COUNT, "shift": (float, -math.inf, math.inf), "absolute_shift": SUM,
    "largest_shift": SHARE, "cpu_seconds": SUM,
}  # fmt: skip

Row = tuple[Any, ...]


def decode_model_message(value: bytes | None, timestamp_ms: int, partition: int, offset: int) -> tuple[str, Row]:
    """Return "span" or "tally", and its row of `model_spans` or `shadow_tallies`.

    Raises:
        Reject: it is neither, or holds what the tables cannot.
    """
    try:
        message = orjson.loads(value)  # type: ignore[arg-type]  # None is an error like any other
    except orjson.JSONDecodeError as error:
        raise Reject(Reason.BAD_JSON, "", str(error)) from None
    told_at = moment_of(timestamp_ms)
    match message:
        case {"span": {**fields}}:
            values = _values(fields, SPAN_FIELDS)
            return "span", (f"{values[0]}/{values[1]}", *values, told_at, partition, offset)
        case {"tally": {**fields}}:
            key = f"{partition}/{offset}/{timestamp_ms}"  # the place alone comes again where a topic is recreated
            return "tally", (key, *_values(fields, TALLY_FIELDS), told_at, partition, offset)
    raise Reject(Reason.NOT_OBJECT, "", "expected a span or a tally")


def _values(fields: dict[Any, Any], kinds: dict[str, Kind]) -> list[Any]:
    for name, (kind, least, most) in kinds.items():
        value: Any = fields.get(name)
        if type(value) is not kind:
            raise Reject(Reason.BAD_TYPE, name, f"expected {kind.__name__}, got {type(value).__name__}")
        if isinstance(value, str) and "\0" in value:
            raise Reject(Reason.BAD_ENCODING, name, "has a NUL character")
        if kind is not str and not least <= value <= most:
            raise Reject(Reason.OUT_OF_RANGE, name, f"expected {least} to {most}, got {value}")
    return [fields[name] for name in kinds]
