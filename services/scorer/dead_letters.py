"""The headers of a dead letter: why a message was rejected and where it came from. Pure.

Named after Kafka Connect's `__connect.errors.*` and Kafka Streams' `__streams.errors.*` headers.
"""

import contextlib
import hashlib
from typing import cast

from confluent_kafka import Message

from services.common.errors import Reject

PREFIX = "__fraud.errors."
KEPT_BYTES_WHEN_TOO_LARGE = 64 * 1024
MESSAGE_MAX_CHARACTERS = 500

Headers = list[tuple[str, str | bytes | None]]


def error_headers(message: Message, reject: Reject) -> Headers:
    """Return the message's own headers and, after them, those that tell the error.

    A message that was replayed out of the dead letters has such headers already: they give way to the new ones and its
    attempts are counted on.
    """
    before = cast(Headers, message.headers() or [])
    attempts = 1
    for name, value in before:
        if name == PREFIX + "attempts" and value is not None:
            with contextlib.suppress(ValueError):
                attempts = int(value) + 1
    own: Headers = [(name, value) for name, value in before if not name.startswith(PREFIX)]
    error = {
        "stage": "decode",
        "reason": reject.reason.value,
        "field": reject.field,
        "message": reject.message[:MESSAGE_MAX_CHARACTERS],
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "timestamp": message.timestamp()[1],
        "attempts": attempts,
    }
    return own + [(PREFIX + name, str(value)) for name, value in error.items()]


def truncate(value: bytes) -> tuple[bytes, Headers]:
    """Return the first 64 KiB of a value no topic would take, and headers with its length and SHA-256."""
    headers: Headers = [
        (PREFIX + "truncated.length", str(len(value))),
        (PREFIX + "truncated.sha256", hashlib.sha256(value).hexdigest()),
    ]
    return value[:KEPT_BYTES_WHEN_TOO_LARGE], headers
