"""The headers of a dead letter: why a message was rejected and where it came from. Pure."""

import hashlib
from collections.abc import Mapping
from typing import cast

from confluent_kafka import Message

from services.common.errors import Reason, Reject
from services.common.kafka.dead_letters import PREFIX, Headers, attempts_of, errors_of, own_headers
from services.common.kafka.version import VERSION

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
        "app_version": VERSION,
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
