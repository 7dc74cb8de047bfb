"""What is left of a session that failed: nothing, though processes go on for weeks."""

import contextlib
import gc
import sys
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaException, Producer

from services.common import process as lifecycle
from services.common.errors import Retry, forget_frames
from services.common.kafka.reject_limit import RejectLimit
from services.common.process import StopSignal, Watchdog
from services.scorer.loop import run
from services.scorer.quarantine import Quarantine

MIB = 2**20


class Held:
    """Stands for a client and the batch it writes."""


def fail_to_abort() -> None:
    """Let a client raise, as it does when it is closed in the middle of a Kafka transaction."""
    producer = Producer({"bootstrap.servers": "127.0.0.1:1", "transactional.id": "t", "log_level": 0})
    with contextlib.suppress(KafkaException):
        producer.abort_transaction(0.1)


def test_a_failed_session_is_forgotten_though_a_client_raised_while_it_was_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its error stays, as confluent-kafka never gives it free; the session that its frames held does not."""
    stop, references = StopSignal(), []

    @contextlib.contextmanager
    def open_session() -> Iterator[Any]:
        held = Held()
        references.append(weakref.ref(held))
        if len(references) == 3:
            stop.request()
        try:
            raise Retry("the broker is unavailable")
            yield held
        finally:
            fail_to_abort()

    monkeypatch.setattr(lifecycle.Backoff, "wait", lambda *_: None)
    limit = RejectLimit(0, 0)
    run(open_session, None, limit, Quarantine(tmp_path / "suspects"), stop, Watchdog(60))  # type: ignore[arg-type]

    assert [reference() for reference in references] == [None] * 3


def test_frames_of_causes_are_forgotten_too() -> None:
    """An error that another thread raised is the cause of the one that is handled."""

    def fails(held: object) -> None:
        try:
            len(held)  # type: ignore[arg-type]  # the error's frame holds it
        except TypeError as error:
            raise Retry("again") from error

    held = Held()
    reference = weakref.ref(held)
    try:
        fails(held)
    except Retry as error:
        references = error
    del held
    assert reference()

    forget_frames(references)

    gc.collect()
    assert reference() is None


@pytest.mark.skipif(sys.platform != "linux", reason="glibc")
def test_memory_that_is_free_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though what was allocated last is still in use, and keeps malloc from shrinking its heap."""
    monkeypatch.setattr(lifecycle, "TRIM_SECONDS", 0.2)
    pieces = [bytes(1_000) for _ in range(200_000)]
    pieces.append(bytes(1_000))
    last = pieces[-1]
    full = resident()
    del pieces
    assert resident() > full - 50 * MIB

    lifecycle.start_malloc_trim()

    deadline = time.monotonic() + 10
    while resident() > full - 150 * MIB:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert last


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    [kib] = [
        line.split()[1]
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        if line.startswith("VmRSS")
    ]
    return int(kib) * 1024
