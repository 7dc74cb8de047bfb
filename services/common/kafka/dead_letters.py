"""The form of the dead letters' topic, for those who write it and those who read it. Knows no Kafka client.

It holds letters and notes. A letter is a rejected message with its own key, value and headers; what is told about it
stands in further headers, named after Kafka Connect's `__connect.errors.*` and Kafka Streams' `__streams.errors.*`. A
note says which letters of its partition were replayed. It is written in the same Kafka transaction as the messages
they became, and lies after them, so retention never removes a note before its letters.
"""

import contextlib
from collections.abc import Iterable, Mapping

import orjson

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
