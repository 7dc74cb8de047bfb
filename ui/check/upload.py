"""Sends a CSV file to Kafka, tells how far it is and enters it in the journal. Knows the sender, not the page."""

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg

from services.common.errors import Retry, Stop
from services.common.logs import get_logger
from services.common.process import StopSignal
from services.common.settings import KafkaSettings
from services.sender.csvfile import Payments, prepare
from services.sender.publish import publish
from services.sender.report import FileFault, FileRefused
from services.sender.taken import STORED, TakenIds
from ui.check.record import Record
from ui.check.steps import Cancelled, Obstacle, Queued, Reading, Refused, Sending, Sent, Step
from ui.database import Database
from ui.files.journal import UploadState
from ui.watch import in_background

TELL_EVERY_SECONDS = 0.25
LEAVE_WITHIN_SECONDS = 5.0
"""How long an upload that nobody waits for any more may take to come to an end."""

UPLOADS_AT_ONCE = 4

_STATES = {
    None: UploadState.SENT,
    Obstacle.UNAVAILABLE: UploadState.KAFKA_AWAY,
    Obstacle.REJECTS: UploadState.KAFKA_REFUSES,
    Obstacle.CANCELLED: UploadState.CANCELLED,
    Obstacle.STOPPED: UploadState.INTERRUPTED,
}


@dataclass(frozen=True)
class UploadRequest:
    """What shall be sent, for whom, whether they have cancelled meanwhile, and the upload's id in the journal.

    `taken_ids` says what is done with rows whose ids other payments have.
    """

    path: Path
    analyst: str
    is_cancelled: Callable[[], bool] = lambda: False
    upload_id: UUID = field(default_factory=uuid4)
    taken_ids: TakenIds = TakenIds.ASK


class UploadAbandoned(Exception):
    """Raised inside a reading that nobody waits for any more."""


class UploadQueue:
    """Lets so many uploads go at once, in the order they came."""

    def __init__(self, at_once: int = UPLOADS_AT_ONCE) -> None:
        self._at_once = at_once
        self._line: list[object] = []
        self._lock = threading.Lock()

    def join(self) -> object:
        """Take a place in the line."""
        place = object()
        with self._lock:
            self._line.append(place)
        return place

    def ahead(self, place: object) -> int:
        """Return how many uploads must end before this one may go."""
        with self._lock:
            return max(0, self._line.index(place) - self._at_once + 1)

    def leave(self, place: object) -> None:
        """Give the place up."""
        with self._lock:
            self._line.remove(place)


class Uploads:
    """Sends files; at most four at once."""

    def __init__(
        self,
        mart: Database,
        kafka: KafkaSettings,
        topic: str,
        check_kafka: Callable[[], None],
        stop: StopSignal,
        categories: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._mart = mart
        self._kafka = kafka
        self._topic = topic
        self._check_kafka = check_kafka
        self._stop = stop
        self._categories = categories
        self._turns = UploadQueue()

    def send(self, order: UploadRequest) -> Iterator[Step]:
        """Check the file, send its rows and yield how it goes; the last step is Refused, Cancelled or Sent.

        An iterator that is left early, a cancelled order, or a page that is asked to stop, ends the sending; what was
        sent stays sent.
        """
        place = self._turns.join()
        record = Record.begin(self._mart, order.upload_id, order.path, order.analyst)
        try:
            yield from self._wait(place, order)
            with ExitStack() as files:
                payments = yield from self._read(order, files)
                record.read(payments.report)
                yield from self._publish(payments, order, record)
        except FileRefused as refused:
            record.end(UploadState.REFUSED, refusal=refused.code.value)
            yield Refused(refused.code, refused.detail)
        except UploadAbandoned:
            record.end(UploadState.CANCELLED if order.is_cancelled() else UploadState.INTERRUPTED)
            yield Cancelled()
        finally:
            record.abandon()
            self._turns.leave(place)

    def _wait(self, place: object, order: UploadRequest) -> Iterator[Step]:
        """Wait for the order's turn."""
        while ahead := self._turns.ahead(place):
            yield Queued(ahead)
            with contextlib.suppress(OSError):
                os.utime(order.path)  # Gradio removes files that nobody has touched for an hour
            if order.is_cancelled() or self._stop.wait(TELL_EVERY_SECONDS):
                raise UploadAbandoned

    def _read(self, order: UploadRequest, files: ExitStack) -> Generator[Step, None, Payments]:
        """Read the file in a thread of its own; the payments stay open as long as `files`."""
        read, left = _Counter(), threading.Event()

        def on_rows(rows: int) -> None:
            read.set(rows)
            if left.is_set() or order.is_cancelled() or self._stop.requested:
                raise UploadAbandoned

        def prepared() -> Payments:
            payments = files.enter_context(prepare(order.path, on_rows=on_rows, categories=self._categories()))
            payments.settle_ids(order.taken_ids, self._look)
            return payments

        reading = in_background(prepared, "read")
        try:
            while wait([reading], TELL_EVERY_SECONDS).not_done:
                yield Reading(read.value)
        finally:
            left.set()
            wait([reading], LEAVE_WITHIN_SECONDS)
        return reading.result()

    def _look(self, ids: list[str]) -> Iterable[Sequence[Any]]:
        """Return what the mart holds of some ids."""
        try:
            found = self._mart.ask(lambda connection: connection.execute(STORED, [ids]).fetchall())
        except psycopg.Error as error:
            raise FileRefused(FileFault.IDS_UNCHECKED, f"the database refuses: {error.sqlstate}") from error
        if found is None:
            raise FileRefused(FileFault.IDS_UNCHECKED, "the database is unavailable")
        return found

    def _publish(self, payments: Payments, order: UploadRequest, record: Record) -> Iterator[Step]:
        """Publish in a thread of its own and yield what it has reached."""
        if not len(payments):
            record.end(UploadState.SENT)
            yield Sent(payments.report, 0, 0.0)
            return
        started, acknowledged, left = time.monotonic(), _Counter(), threading.Event()

        def stop() -> bool:
            return self._stop.requested or left.is_set() or order.is_cancelled()

        def send_all() -> None:
            self._check_kafka()
            with record.keeping(payments) as kept:
                publish(kept, self._kafka, self._topic, on_progress=acknowledged.set, stop=stop)

        sending = in_background(send_all, "publish")
        try:
            while wait([sending], TELL_EVERY_SECONDS).not_done:
                yield Sending(acknowledged.value, len(payments), time.monotonic() - started)
            obstacle = self._obstacle(sending, order, complete=acknowledged.value == len(payments))
        finally:
            left.set()
            wait([sending], LEAVE_WITHIN_SECONDS)
            record.sent(acknowledged.value)
        record.end(_STATES[obstacle])
        yield Sent(payments.report, acknowledged.value, time.monotonic() - started, record.upload_id, obstacle)

    def _obstacle(self, sending: "Future[None]", order: UploadRequest, *, complete: bool) -> Obstacle | None:
        """Return what ended the sending before its time; raise an error that is none of Kafka's."""
        try:
            sending.result()
        except (Retry, Stop) as error:
            get_logger().warning("upload_stopped", reason=str(error))
            return Obstacle.UNAVAILABLE if isinstance(error, Retry) else Obstacle.REJECTS
        if complete:
            return None
        return Obstacle.CANCELLED if order.is_cancelled() else Obstacle.STOPPED


class _Counter:
    """The last figure told by another thread."""

    value = 0

    def set(self, value: int) -> None:
        self.value = value


def remove_leftovers(folder: Path, before: float) -> int:
    """Remove what was put there before a moment, in seconds since 1970; return how many entries that were."""
    removed = 0
    for entry in folder.iterdir():
        if entry.lstat().st_mtime >= before:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
        removed += 1
    return removed
