"""Messages of `scorer.models` to rows: which model scored from where on, and what a shadow model did. Pure."""

from datetime import UTC, datetime
from typing import Any

import orjson

from services.common.errors import Reason, Reject

SPAN_FIELDS = {"partition": int, "first_offset": int, "model_version": str, "model_sha256": str, "threshold": float}
TALLY_FIELDS = {
    "model_version": str, "shadow_version": str, "scored": int, "skipped": int, "both_flagged": int, "only_model": int,
    "only_shadow": int, "shift": float, "absolute_shift": float, "largest_shift": float, "cpu_seconds": float,
}  # fmt: skip

Row = tuple[Any, ...]


def decode_model_message(value: bytes | None, timestamp_ms: int, partition: int, offset: int) -> tuple[str, Row]:
    """Return "span" or "tally", and its row of `model_spans` or `shadow_tallies`.

    Raises:
        Reject: it is neither.
    """
    try:
        message = orjson.loads(value)  # type: ignore[arg-type]  # None is an error like any other
    except orjson.JSONDecodeError as error:
        raise Reject(Reason.BAD_JSON, "", str(error)) from None
    told_at = datetime.fromtimestamp(timestamp_ms / 1000, UTC)
    match message:
        case {"span": {**fields}}:
            values = _values(fields, SPAN_FIELDS)
            return "span", (f"{values[0]}/{values[1]}", *values, told_at, partition, offset)
        case {"tally": {**fields}}:
            return "tally", (f"{partition}/{offset}", *_values(fields, TALLY_FIELDS), told_at, partition, offset)
    raise Reject(Reason.NOT_OBJECT, "", "expected a span or a tally")


def _values(fields: dict[Any, Any], kinds: dict[str, type]) -> list[Any]:
    for name, kind in kinds.items():
        if type(fields.get(name)) is not kind:
            raise Reject(Reason.BAD_TYPE, name, f"expected {kind.__name__}, got {type(fields.get(name)).__name__}")
    return [fields[name] for name in kinds]
