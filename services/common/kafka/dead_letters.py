"""Defines the records of the dead-letter topic, for those who write it and those who read it.

It holds dead letters and replay markers. A dead letter is a rejected message with its own key, value and headers; the
error is described in further headers, named after Kafka Connect's `__connect.errors.*` and Kafka Streams'
`__streams.errors.*`. A replay marker names the dead letters of its partition that were replayed. It is written in the
same Kafka transaction as the replayed messages, after its dead letters, so retention never removes it before them.
"""

import contextlib
import hashlib
from collections.abc import Iterable, Mapping
from typing import cast

import orjson
from confluent_kafka import Message

from services import __version__
from services.common.errors import Reason, Reject

PREFIX = "__fraud.errors."
MARKER_HEADER = "__fraud.replayed"
"""Only replay markers have it; its value is the number of dead letters they name."""

REPLAYS = "dlq-replay"
"""The transactional id of all replays: a second one fences the first."""
LARGEST_NUMBER = 2**62
"""Numbers in headers stay below it, so that they can still be incremented."""

TRUNCATED_BYTES = 64 * 1024
MESSAGE_MAX_CHARACTERS = 500
IN_SCORING = frozenset({Reason.CRASH, Reason.NO_SCORE})
"""Reasons that are found while a message is scored, not while it is decoded."""

Headers = list[tuple[str, str | bytes | None]]


def errors_of(headers: Headers | None) -> dict[str, str]:
    """Return the headers that describe an error, without their prefix; the last of a name counts."""
    return {
        name.removeprefix(PREFIX): value.decode(errors="replace") if isinstance(value, bytes) else value or ""
        for name, value in headers or []
        if name.startswith(PREFIX)
    }


def own_headers(headers: Headers | None) -> Headers:
    """Return the headers that the message came with, in their order."""
    return [(name, value) for name, value in headers or [] if not name.startswith(PREFIX)]


def attempts_of(errors: Mapping[str, str]) -> int:
    """Return how often a message was rejected so far, 0 if unknown."""
    return max(0, whole(errors.get("attempts"), 0))


def whole(text: str | None, otherwise: int) -> int:
    """Return the integer in a header, `otherwise` if it is none or has more than 64 bits: anybody may write one."""
    with contextlib.suppress(ValueError, TypeError):
        number = int(text or "")
        return number if abs(number) < LARGEST_NUMBER else otherwise
    return otherwise


def replay_marker(offsets: Iterable[int]) -> tuple[bytes, Headers]:
    """Return value and headers of the marker that the dead letters at these offsets of its partition were replayed."""
    replayed = sorted(offsets)
    return orjson.dumps(replayed), [(MARKER_HEADER, str(len(replayed)))]


def is_replay_marker(headers: Headers | None) -> bool:
    """Return whether a record of the topic is a replay marker, not a dead letter."""
    return any(name == MARKER_HEADER for name, _ in headers or [])


def replayed_offsets(value: bytes | None) -> list[int]:
    """Return the offsets that a replay marker names; none if it is damaged: its dead letters are shown then."""
    with contextlib.suppress(orjson.JSONDecodeError):
        found = orjson.loads(value or b"")
        if isinstance(found, list):
            return [offset for offset in found if type(offset) is int]
    return []


def error_headers(message: Message, reject: Reject, model: Mapping[str, str] | None = None) -> Headers:
    """Return the message's own headers and, after them, those that describe the error.

    Of a message that was replayed from the dead letters the attempts are counted on, and the time it was first seen is
    retained; all else is of the new error.

    Args:
        message: as it was read from `transactions`.
        reject: why it was rejected.
        model: describes the model in use, e.g. {"model_version": …, "model_sha256": …}.
    """
    headers = cast(Headers | None, message.headers())
    before = errors_of(headers)
    arrived = message.timestamp()[1]
    error = {
        "stage": "score" if reject.reason in IN_SCORING else "decode",
        "reason": reject.reason.value,
        "field": reject.field,
        "message": reject.message[:MESSAGE_MAX_CHARACTERS],
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "timestamp": arrived,
        "first_seen": before.get("first_seen", arrived),
        "attempts": attempts_of(before) + 1,
        "app_version": __version__,
        **(model or {}),
    }
    return own_headers(headers) + [(PREFIX + name, str(value)) for name, value in error.items()]


def cut(message: Message, headers: Headers) -> tuple[bytes | None, bytes | None, Headers]:
    """Return value, key and headers of a dead letter that is too large for the topic: of each the first 64 KiB.

    The headers that describe the error stay; of the message's own headers those that still fit. Further headers hold
    the length and the SHA-256 of the value, the length of the key, and how many headers were left out.
    """
    value, key = message.value(), message.key()
    kept: Headers = []
    left = TRUNCATED_BYTES
    for name, content in own_headers(headers):
        left -= len(name.encode()) + len(content or b"")
        if left < 0:
            break
        kept.append((name, content))
    lengths = {
        "truncated.length": len(value or b""),
        "truncated.sha256": hashlib.sha256(value or b"").hexdigest(),
        "truncated.key_length": len(key or b""),
        "truncated.headers": len(own_headers(headers)) - len(kept),
    }
    errors = [(name, content) for name, content in headers if name.startswith(PREFIX)]
    about: Headers = [(PREFIX + name, str(content)) for name, content in lengths.items()]
    size = TRUNCATED_BYTES
    return None if value is None else value[:size], None if key is None else key[:size], kept + errors + about
