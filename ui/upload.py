"""Sends a CSV file to Kafka and tells how far it is. Knows the sender, not the page."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from services.common.settings import KafkaSettings
from services.sender.csvfile import FileRefused, Report, prepare
from services.sender.publish import publish

TELL_EVERY_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Sending:
    """`sent` of `rows` rows are acknowledged by Kafka, `seconds` after the first."""

    sent: int
    rows: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Refused:
    """The file as a whole cannot be used."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Sent:
    """The end: what was found in the file, and how many of its rows Kafka has; fewer than ready if it went away."""

    report: Report
    sent: int
    seconds: float
    transaction_ids: Sequence[str]

    @property
    def complete(self) -> bool:
        """Whether Kafka has every row that could be sent."""
        return self.sent == self.report.ready


Step = Sending | Refused | Sent


def send_file(
    path: Path,
    kafka: KafkaSettings,
    topic: str,
    kafka_is_up: Callable[[], bool],
    shutdown: threading.Event,
) -> Iterator[Step]:
    """Check the file, send its rows and yield how it goes: Sending at times, then Refused or Sent at the end.

    Leaving the iterator early, or the shutdown of the page, stops the sending; what was sent stays sent.
    """
    yield from ()
