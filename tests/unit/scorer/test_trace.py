"""Which headers of a transaction are a trace context."""

import pytest

from services.common.kafka.dead_letters import Headers
from services.scorer.trace import trace_of

PARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_traceparent_and_tracestate_go_on_and_nothing_else() -> None:
    """Whatever other headers a producer writes, only these two are passed on."""
    headers: Headers = [("tenant", b"a"), ("tracestate", b"congo=t61"), ("traceparent", PARENT), ("baggage", b"k=v")]

    assert trace_of(headers) == [("traceparent", PARENT), ("tracestate", b"congo=t61")]


@pytest.mark.parametrize(
    "parent",
    [
        None,
        b"",
        b"00-1-2-01",
        PARENT.upper(),
        PARENT + b"\n",
        PARENT + b"-more",
        b"00-" + b"0" * 32 + b"-00f067aa0ba902b7-01",
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-" + b"0" * 16 + b"-01",
        b"x" * 900_000,
    ],
)
def test_what_is_no_traceparent_is_not_passed_on(parent: bytes | None) -> None:
    """A header of any bytes cannot make a score too large, nor reach readers of `scores`."""
    assert trace_of([("traceparent", parent), ("tracestate", b"congo=t61")]) == []


def test_a_long_tracestate_is_dropped_and_the_traceparent_stays() -> None:
    """What is longer than every system must pass on."""
    assert trace_of([("traceparent", PARENT), ("tracestate", b"a=" + b"b" * 511)]) == [("traceparent", PARENT)]


def test_of_two_traceparents_the_first_counts() -> None:
    """The order of headers decides, not chance."""
    assert trace_of([("traceparent", PARENT), ("traceparent", PARENT[:-1] + b"0")]) == [("traceparent", PARENT)]
