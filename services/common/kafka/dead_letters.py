"""The form of the dead letters' topic, for those who write it and those who read it. Knows no Kafka client.

It holds letters and notes. A letter is a rejected message with its own key, value and headers; what is told about it
stands in further headers, named after Kafka Connect's `__connect.errors.*` and Kafka Streams' `__streams.errors.*`. A
note says which letters of its partition were replayed. It is written in the same Kafka transaction as the messages
they became, and lies after them, so retention never removes a note before its letters.
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
NOTE_HEADER = "__fraud.replayed"
"""Only notes have it; its value says how many letters they name."""

REPLAYS = "dlq-replay"
"""The transactional id of all replays: a second one fences the first."""
MOST = 2**62
"""Numbers in headers stay below it: one can still be added to them."""

Headers = list[tuple[str, str | bytes | None]]


def errors_of(headers: Headers | None) -> dict[str, str]:
    """Return what the headers tell about an error, without their prefix; the last of a name counts."""
    return {
        name.removeprefix(PREFIX): value.decode(errors="replace") if isinstance(value, bytes) else value or ""
        for name, value in headers or []
        if name.startswith(PREFIX)
    }


def own_headers(headers: Headers | None) -> Headers:
    """Return the headers that the message came with, in their order."""
    return [(name, value) for name, value in headers or [] if not name.startswith(PREFIX)]


def attempts_of(errors: Mapping[str, str]) -> int:
    """Return how often a message was rejected so far, 0 if that is not told."""
    return max(0, whole(errors.get("attempts"), 0))


def whole(text: str | None, otherwise: int) -> int:
    """Return a header's whole number, `otherwise` if it is none or takes more than 64 bits: anybody may write one."""
    with contextlib.suppress(ValueError, TypeError):
        number = int(text or "")
        return number if abs(number) < MOST else otherwise
    return otherwise


def note_of(offsets: Iterable[int]) -> tuple[bytes, Headers]:
    """Return value and headers of the note that the letters at these offsets of its partition were replayed."""
    replayed = sorted(offsets)
    return orjson.dumps(replayed), [(NOTE_HEADER, str(len(replayed)))]


def is_note(headers: Headers | None) -> bool:
    """Return whether a record of the topic is a note, not a letter."""
    return any(name == NOTE_HEADER for name, _ in headers or [])


def offsets_of_note(value: bytes | None) -> list[int]:
    """Return the offsets that a note names; none if it is damaged: what was not replayed for sure is shown."""
    with contextlib.suppress(orjson.JSONDecodeError):
        found = orjson.loads(value or b"")
        if isinstance(found, list):
            return [offset for offset in found if type(offset) is int]
    return []


__all__ = ["PREFIX", "Headers", "cut", "error_headers"]

KEPT_BYTES_WHEN_TOO_LARGE = 64 * 1024
MESSAGE_MAX_CHARACTERS = 500
IN_SCORING = frozenset({Reason.CRASH, Reason.NO_SCORE})
"""Reasons that are found while a message is scored, not while it is decoded."""


def error_headers(message: Message, reject: Reject, model: Mapping[str, str] | None = None) -> Headers:
    """Return the message's own headers and, after them, those that tell the error.

    A message that was replayed out of the dead letters tells of its error before: its attempts are counted on, and when
    it was first seen is kept. All else gives way to the new error.

    Args:
        message: as it was read from `transactions`.
        reject: why it was rejected.
        model: what is told of the model in use, e.g. {"model_version": …, "model_sha256": …}.
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
    """Return value, key and headers of a letter that no topic would take whole: of each the first 64 KiB.

    What tells the error stays; of the message's own headers those that still fit. Further headers tell the length and
    the SHA-256 of the value, the length of the key, and how many headers were left out.
    """
    value, key = message.value(), message.key()
    kept: Headers = []
    left = KEPT_BYTES_WHEN_TOO_LARGE
    for name, content in own_headers(headers):
        left -= len(name.encode()) + len(content or b"")
        if left < 0:
            break
        kept.append((name, content))
    told = {
        "truncated.length": len(value or b""),
        "truncated.sha256": hashlib.sha256(value or b"").hexdigest(),
        "truncated.key_length": len(key or b""),
        "truncated.headers": len(own_headers(headers)) - len(kept),
    }
    errors = [(name, content) for name, content in headers if name.startswith(PREFIX)]
    about: Headers = [(PREFIX + name, str(content)) for name, content in told.items()]
    size = KEPT_BYTES_WHEN_TOO_LARGE
    return None if value is None else value[:size], None if key is None else key[:size], kept + errors + about
