"""Sends messages at a steady pace."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from confluent_kafka import KafkaError, KafkaException, Message

from services.common.errors import Stop
from services.common.logs import get_logger
from services.common.process import StopSignal

TICK_SECONDS = 0.02
REPORT_SECONDS = 5.0
FLUSH_SECONDS = 5.0
MAX_AT_ONCE = 1_000
"""Messages between two checks of the clock, the delivery reports and the stop signal."""

log = get_logger()


class MessageTarget(Protocol):
    """The part of confluent_kafka.Producer that is used."""

    def produce(
        self, topic: str, *, value: bytes, key: bytes, on_delivery: Callable[[KafkaError | None, Message], None]
    ) -> None:
        """Queue a message; BufferError if the queue is full."""

    def poll(self, timeout: float) -> int:
        """Serve delivery reports."""

    def flush(self, timeout: float) -> int:
        """Wait for delivery; return how many messages are left."""


@dataclass(frozen=True)
class SendLimits:
    """How many messages a second, and when to end: after a count, after some seconds, or (None) never."""

    rate: float
    count: int | None = None
    seconds: float | None = None


class Pace:
    """Says how many messages are due. More than a second late is dropped: no burst after a pause."""

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._paid_until = now

    def due(self, now: float) -> int:
        """Return how many messages to send at `now` (monotonic seconds), at most MAX_AT_ONCE; they count as sent."""
        self._paid_until = max(self._paid_until, now - max(1.0, 1 / self._rate))
        due = min(int((now - self._paid_until) * self._rate), MAX_AT_ONCE)
        self._paid_until += due / self._rate
        return due


class Sender:
    """Queues messages and counts those sent and those delivered."""

    def __init__(self, target: MessageTarget, topic: str) -> None:
        self._target = target
        self._topic = topic
        self.sent = 0
        self.delivered = 0
        self.failure: KafkaError | None = None

    def send(self, key: bytes, value: bytes, stop: StopSignal) -> None:
        """Queue a message; while the queue is full wait for room, but not once stop is requested.

        Raises:
            Stop: the client has failed for good.
        """
        while not (stop.requested or self.failure):
            try:
                self._target.produce(self._topic, value=value, key=key, on_delivery=self._on_delivery)
            except BufferError:
                self._target.poll(0.1)
            except KafkaException as error:
                raise Stop(f"cannot send to {self._topic}: {error}") from error
            else:
                self.sent += 1
                return

    def serve(self) -> None:
        """Take the delivery reports that are there."""
        self._target.poll(0)

    def finish(self) -> None:
        """Wait until everything is delivered.

        Raises:
            Stop: it was not.
        """
        left = self._target.flush(FLUSH_SECONDS)
        if self.failure or left:
            reason = self.failure.str() if self.failure else f"{left} messages were not acknowledged in time"
            raise Stop(f"cannot send to {self._topic}: {reason}")

    def _on_delivery(self, error: KafkaError | None, _: Message) -> None:
        if error is None:
            self.delivered += 1
        else:
            self.failure = error


def send(messages: Iterator[tuple[bytes, bytes]], sender: Sender, limits: SendLimits, stop: StopSignal) -> None:
    """Send messages at a steady pace until a limit is reached or stop is requested, then wait for their delivery.

    Raises:
        Stop: a message could not be delivered.
    """
    started = time.monotonic()
    pace = Pace(limits.rate, started)
    reported_at, reported = started, 0
    count = limits.count or float("inf")
    end = started + (limits.seconds or float("inf"))
    while sender.sent < count and not sender.failure and (now := time.monotonic()) < end:
        due = pace.due(now)
        for _ in range(int(min(due, count - sender.sent))):
            sender.send(*next(messages), stop)
        sender.serve()
        if now - reported_at >= REPORT_SECONDS:
            _report(sender, (sender.sent - reported) / (now - reported_at))
            reported_at, reported = now, sender.sent
        if stop.wait(TICK_SECONDS if due < MAX_AT_ONCE else 0):
            break
    sender.finish()
    _report(sender, sender.sent / max(time.monotonic() - started, TICK_SECONDS))


def _report(sender: Sender, rate: float) -> None:
    log.info("messages_sent", messages=sender.sent, delivered=sender.delivered, per_second=round(rate, 1))
