"""Trace context: a transaction's headers `traceparent` and `tracestate` go on to what is written because of it.

They are passed through as they came (https://www.w3.org/TR/trace-context/): no span is made here. What does not have
the form of the recommendation is not passed on. Knows nothing of what a message holds.
"""

import re
from collections.abc import Sequence

from confluent_kafka import Message

from services.common.kafka.dead_letters import Headers

TRACEPARENT, TRACESTATE = "traceparent", "tracestate"
TRACESTATE_MAX_BYTES = 512
"""What every system must at least pass on (section 3.3.1.5 of the recommendation)."""

_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def traces_of(messages: Sequence[Message], rows: Sequence[int]) -> dict[int, Headers]:
    """Return place in `rows` -> headers to pass on, ascending; empty where no message carries a trace.

    Args:
        messages: as they were read [m].
        rows: places of the messages to look at [n].
    """
    carried = [message.headers() for message in messages]
    if not any(carried):
        return {}
    found = ((place, trace_of(headers)) for place, row in enumerate(rows) if (headers := carried[row]))  # type: ignore[arg-type]  # typed too widely
    return {place: trace for place, trace in found if trace}


def trace_of(headers: Headers) -> Headers:
    """Return those headers that are a trace: none without a valid traceparent; of a name the first counts."""
    found = dict(reversed(headers))
    parent, state = found.get(TRACEPARENT), found.get(TRACESTATE)
    if not isinstance(parent, bytes) or not _TRACEPARENT.fullmatch(parent):
        return []
    if not isinstance(state, bytes) or not 0 < len(state) <= TRACESTATE_MAX_BYTES:
        return [(TRACEPARENT, parent)]
    return [(TRACEPARENT, parent), (TRACESTATE, state)]
