"""Messages of `scorer.models`: what the tables cannot hold is a reject, and never a row that says something else."""

from typing import Any

import orjson
import pytest

from services.common.errors import Reason, Reject
from services.sink.decode import decode_model_message

SPAN: dict[str, Any] = {
    "partition": 3, "first_offset": 4_711, "model_version": "m", "model_sha256": "0" * 64, "threshold": 0.5,
}  # fmt: skip
TALLY: dict[str, Any] = {
    "model_version": "a", "shadow_version": "b", "scored": 10, "skipped": 0, "both_flagged": 1, "only_model": 0,
    "only_shadow": 2, "shift": -0.5, "absolute_shift": 0.5, "largest_shift": 0.25, "cpu_seconds": 0.1,
}  # fmt: skip


def decode(kind: str, changes: dict[str, Any], timestamp_ms: int = 0) -> tuple[str, Any]:
    fields = (SPAN if kind == "span" else TALLY) | changes
    return decode_model_message(orjson.dumps({kind: fields}), timestamp_ms, 0, 7)


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("span", "partition", 2**31),
        ("span", "partition", 2**40),
        ("span", "partition", -1),
        ("span", "first_offset", 2**63),
        ("span", "first_offset", -1),
        ("span", "threshold", 1.5),
        ("tally", "scored", 2**63),
        ("tally", "skipped", -1),
        ("tally", "largest_shift", 1.25),
        ("tally", "cpu_seconds", -0.1),
    ],
)
def test_a_number_that_its_column_cannot_hold_is_a_reject(kind: str, field: str, value: float) -> None:
    """Binary COPY would cut it off (a partition of 2^40 was stored as 0), or end the sink."""
    with pytest.raises(Reject, match="expected 0 to") as found:
        decode(kind, {field: value})
    assert (found.value.reason, found.value.field) == (Reason.OUT_OF_RANGE, field)


@pytest.mark.parametrize(("kind", "field", "value"), [("span", "partition", 2**31 - 1), ("tally", "scored", 2**63 - 1)])
def test_the_largest_number_is_kept(kind: str, field: str, value: int) -> None:
    """As it is."""
    _, row = decode(kind, {field: value})
    assert value in row


@pytest.mark.parametrize("timestamp_ms", [2**62, -(2**62), 253_402_300_800_000])
def test_a_time_that_no_calendar_has_is_a_reject(timestamp_ms: int) -> None:
    """Not an error that would end the sink at every start."""
    with pytest.raises(Reject) as found:
        decode("span", {}, timestamp_ms)
    assert (found.value.reason, found.value.field) == (Reason.OUT_OF_RANGE, "timestamp")


def test_a_text_that_postgresql_cannot_hold_is_a_reject() -> None:
    """NUL."""
    with pytest.raises(Reject) as found:
        decode("span", {"model_version": "a\0"})
    assert found.value.reason is Reason.BAD_ENCODING
