"""Sends a CSV file to Kafka and tells how far it is. Knows the sender, not the page."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from pathlib import Path

import orjson

from services.common.errors import Retry, Stop
from services.common.lifecycle import StopSignal
from services.common.logs import get_logger
from services.common.settings import KafkaSettings
from services.sender.csvfile import Payments, prepare
from services.sender.publish import publish
from services.sender.report import FileRefused
from ui.background import in_background
from ui.steps import Obstacle, Refused, Sending, Sent, Step

TELL_EVERY_SECONDS = 0.25


def send_file(
    path: Path, *, kafka: KafkaSettings, topic: str, kafka_is_up: Callable[[], bool], stop: StopSignal
) -> Iterator[Step]:
    """Check the file, send its rows and yield how it goes: Sending at times, then Refused or Sent at the end.

    An iterator that is left early, or a page that is asked to stop, ends the sending; what was sent stays sent.
    """
    try:
        with prepare(path) as payments:
            yield from _send(payments, kafka, topic, kafka_is_up, stop)
    except FileRefused as refused:
        yield Refused(refused.code, refused.detail)


def _send(
    payments: Payments, kafka: KafkaSettings, topic: str, kafka_is_up: Callable[[], bool], stop: StopSignal
) -> Iterator[Step]:
    """Publish in a thread of its own and yield what it has reached; the file's payments stay open meanwhile."""
    if not len(payments):
        yield Sent(payments.report, 0, 0.0)
        return
    if not kafka_is_up():
        yield Sent(payments.report, 0, 0.0, obstacle=Obstacle.AWAY)
        return
    started, acknowledged, left = time.monotonic(), _Counter(), threading.Event()
    sending = in_background(
        lambda: publish(
            payments,
            kafka,
            topic,
            on_progress=acknowledged.set,
            stop=lambda: stop.requested or left.is_set(),
        ),
        "publish",
    )
    try:
        while wait([sending], TELL_EVERY_SECONDS).not_done:
            yield Sending(acknowledged.value, len(payments), time.monotonic() - started)
        obstacle = _obstacle(sending)
    finally:
        left.set()
    yield _end(payments, acknowledged.value, time.monotonic() - started, obstacle)


def _obstacle(sending: Future[int]) -> Obstacle | None:
    """Return what ended the sending before its time, if it was Kafka; raise any other error."""
    try:
        sending.result()
    except (Retry, Stop) as error:
        get_logger().warning("upload_stopped", reason=str(error))
        return Obstacle.AWAY if isinstance(error, Retry) else Obstacle.REFUSES
    return None


def _end(payments: Payments, sent: int, seconds: float, obstacle: Obstacle | None) -> Sent:
    """Return the last step; with the ids of the rows, if all were sent."""
    complete = sent == len(payments)
    ids = [orjson.loads(value)["transaction_id"] for _, value in payments] if complete else []
    return Sent(payments.report, sent, seconds, ids, obstacle)


class _Counter:
    """The last figure told by another thread."""

    value = 0

    def set(self, value: int) -> None:
        self.value = value
