"""The dead letters' form: what the scorer writes, and what is read of it again."""

from typing import Any, cast

import pytest
from confluent_kafka import Message

from services.common.errors import Reason, Reject
from services.common.kafka.dead_letters import (
    MESSAGE_MAX_CHARACTERS,
    PREFIX,
    Headers,
    attempts_of,
    error_headers,
    errors_of,
    is_replay_marker,
    own_headers,
    replay_marker,
    replayed_offsets,
)

REJECT = Reject(Reason.BAD_TYPE, "amount", "expected a number, got str")


class FakeMessage:
    """A message of `transactions`, as far as the headers need it."""

    def __init__(self, headers: Headers | None, offset: int = 7, timestamp: int = 1_000) -> None:
        self._headers, self._offset, self._timestamp = headers, offset, timestamp

    def headers(self) -> Any:
        return self._headers

    def topic(self) -> str:
        return "transactions"

    def partition(self) -> int:
        return 3

    def offset(self) -> int:
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        return (1, self._timestamp)


def rejected(headers: Headers | None, **where: int) -> Headers:
    return error_headers(cast(Message, FakeMessage(headers, **where)), REJECT, {"model_version": "m"})


def as_read(headers: Headers) -> Headers:
    """Return headers the way a consumer gives them: values as bytes."""
    return [(name, value.encode() if isinstance(value, str) else value) for name, value in headers]


def test_a_letter_tells_all_there_is_to_tell() -> None:
    """Behind the message's own headers, untouched and in their order."""
    own: Headers = [("traceparent", b"00-1"), ("traceparent", b"00-2"), ("empty", None)]

    headers = rejected(own)

    assert headers[:3] == own
    assert errors_of(headers).keys() == {
        "stage", "reason", "field", "message", "topic", "partition", "offset", "timestamp", "first_seen", "attempts",
        "app_version", "model_version",
    }  # fmt: skip
    assert errors_of(headers) | {
        "reason": "bad_type", "field": "amount", "partition": "3", "offset": "7", "attempts": "1", "first_seen": "1000",
    } == errors_of(headers)  # fmt: skip


@pytest.mark.parametrize(("reason", "stage"), [(Reason.CRASH, "score"), (Reason.BAD_TYPE, "decode")])
def test_the_stage_is_where_it_happened(reason: Reason, stage: str) -> None:
    """A transaction that killed the process may have been decoded."""
    headers = error_headers(cast(Message, FakeMessage(None)), Reject(reason, "", ""))

    assert errors_of(headers)["stage"] == stage


def test_attempts_and_the_first_time_survive_replays() -> None:
    """Everything else is told of the latest rejection; nothing is told twice."""
    headers = rejected(as_read(rejected([("a", b"1")])), offset=99, timestamp=5_000)

    assert [name for name, _ in headers].count(PREFIX + "attempts") == 1
    told = errors_of(headers)
    assert (told["attempts"], told["first_seen"], told["timestamp"], told["offset"]) == ("2", "1000", "5000", "99")
    assert own_headers(headers) == [("a", b"1")]


@pytest.mark.parametrize("value", [b"", b"many", b"\xff", b"-5", None])
def test_attempts_that_somebody_else_wrote_do_no_harm(value: bytes | None) -> None:
    """What is no number counts as never tried."""
    headers: Headers = [(PREFIX + "attempts", value)]

    assert attempts_of(errors_of(headers)) == 0
    assert errors_of(rejected(headers))["attempts"] == "1"


def test_a_long_message_is_cut() -> None:
    """A header is no place for a payload."""
    long = Reject(Reason.BAD_JSON, "", "x" * 10_000)

    headers = error_headers(cast(Message, FakeMessage(None)), long)

    assert len(errors_of(headers)["message"]) == MESSAGE_MAX_CHARACTERS


def test_a_note_names_its_letters() -> None:
    """And is told from a letter by its header."""
    value, headers = replay_marker({5, 3, 1_000_000_007})

    assert is_replay_marker(as_read(headers))
    assert not is_replay_marker(rejected(None))
    assert replayed_offsets(value) == [3, 5, 1_000_000_007]


@pytest.mark.parametrize("value", [None, b"", b"{", b"7", b'{"a": 1}', b'["1", null, true]'])
def test_a_damaged_note_names_none(value: bytes | None) -> None:
    """So its letters are shown as waiting, rather than hidden."""
    assert replayed_offsets(value) == []


@pytest.mark.parametrize("told", ["9" * 4_300, "9" * 5_000, str(2**64), "-1", "many", ""])
def test_a_count_that_is_none_restarts(told: str) -> None:
    """Anybody may write a header; 4,300 nines are the longest number that Python reads, one more it does not write."""
    headers = dict(as_read(rejected([(PREFIX + "attempts", told.encode())])))
    assert headers[PREFIX + "attempts"] == b"1"
