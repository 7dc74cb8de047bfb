"""Sends a CSV file to Kafka, reports its progress and records it in the journal."""

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

from services.common.contract.model import Contract
from services.common.errors import Retry, Stop
from services.common.logs import get_logger
from services.common.process import StopSignal
from services.common.settings import KafkaSettings
from services.sender.csvfile import PreparedFile, prepare
from services.sender.ids import STORED, MessageMaker, TakenIds
from services.sender.publish import publish
from services.sender.report import FileFault, FileRefused
from ui.check.record import Record
from ui.check.steps import Cancelled, Queued, ReadingFile, Refused, Sending, Sent, Step
from ui.database import Database
from ui.files.journal import UploadState
from ui.watch import in_background

REPORT_EVERY_SECONDS = 0.25
LEAVE_WITHIN_SECONDS = 5.0
"""How long an abandoned upload may take to end."""

UPLOADS_AT_ONCE = 4


@dataclass(eq=False)
class UploadRequest:
    """A file to send for an analyst, and its id in the journal.

    `taken_ids`: what is done with rows whose ids belong to other transactions.
    """

    path: Path
    analyst: str
    taken_ids: TakenIds = TakenIds.ASK
    upload_id: UUID = field(default_factory=uuid4)
    _cancelled: threading.Event = field(default_factory=threading.Event)

    @property
    def is_cancelled(self) -> bool:
        """Whether it was cancelled; its upload ends soon."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Cancel it; rows already sent stay sent."""
        self._cancelled.set()


class UploadAbandoned(Exception):
    """Raised to end a reading: it was cancelled, or nobody waits for it any more."""


class UploadQueue:
    """Lets `at_once` uploads run at a time, in the order they came."""

    def __init__(self, at_once: int = UPLOADS_AT_ONCE) -> None:
        self._at_once = at_once
        self._places: list[object] = []
        self._lock = threading.Lock()

    def join(self) -> object:
        """Take a place in the queue."""
        place = object()
        with self._lock:
            self._places.append(place)
        return place

    def ahead(self, place: object) -> int:
        """Return how many uploads must end before this one may start."""
        with self._lock:
            return max(0, self._places.index(place) - self._at_once + 1)

    def leave(self, place: object) -> None:
        """Give the place up."""
        with self._lock:
            self._places.remove(place)


class Uploads:
    """Sends files, at most UPLOADS_AT_ONCE at a time."""

    def __init__(
        self,
        mart: Database,
        kafka: KafkaSettings,
        topic: str,
        check_kafka: Callable[[], None],
        stop: StopSignal,
        contract: Contract,
    ) -> None:
        self._mart = mart
        self._kafka = kafka
        self._topic = topic
        self._check_kafka = check_kafka
        self._stop = stop
        self._contract = contract
        self._id_of = MessageMaker(contract).id_of
        self._queue = UploadQueue()

    def send(self, request: UploadRequest) -> Iterator[Step]:
        """Check the file, send its rows and yield the progress; the last step is Refused, Cancelled or Sent.

        Sending ends if the iterator is closed early, the request is cancelled or the page is asked to stop; rows
        already sent stay sent.
        """
        place = self._queue.join()
        record = Record.begin(self._mart, request.upload_id, request.path, request.analyst)
        try:
            yield from self._wait(place, request)
            with ExitStack() as files:
                prepared = yield from self._read(request, files)
                record.read(prepared.report)
                yield from self._publish(prepared, request, record)
        except FileRefused as refused:
            record.end(UploadState.REFUSED, refusal=refused.code.value)
            yield Refused(refused.code, refused.detail)
        except UploadAbandoned:
            record.end(UploadState.CANCELLED if request.is_cancelled else UploadState.INTERRUPTED)
            yield Cancelled()
        finally:
            record.abandon()
            self._queue.leave(place)

    def _wait(self, place: object, request: UploadRequest) -> Iterator[Step]:
        """Wait in the queue."""
        while ahead := self._queue.ahead(place):
            yield Queued(ahead)
            with contextlib.suppress(OSError):
                os.utime(request.path)  # Gradio removes files older than an hour
            if request.is_cancelled or self._stop.wait(REPORT_EVERY_SECONDS):
                raise UploadAbandoned

    def _read(self, request: UploadRequest, files: ExitStack) -> Generator[Step, None, PreparedFile]:
        """Read the file in a thread of its own; the transactions stay open as long as `files`."""
        read, left = _Counter(), threading.Event()

        def on_rows(rows: int) -> None:
            read.set(rows)
            if left.is_set() or request.is_cancelled or self._stop.requested:
                raise UploadAbandoned

        def prepared() -> PreparedFile:
            prepared = files.enter_context(prepare(request.path, on_rows=on_rows, contract=self._contract))
            prepared.settle_ids(request.taken_ids, self._stored)
            return prepared

        reading = in_background(prepared, "read")
        try:
            while wait([reading], REPORT_EVERY_SECONDS).not_done:
                yield ReadingFile(read.value)
        finally:
            left.set()
            wait([reading], LEAVE_WITHIN_SECONDS)
        return reading.result()

    def _stored(self, ids: list[str]) -> Iterable[Sequence[Any]]:
        """Return the stored transactions with these ids."""
        try:
            found = self._mart.ask(lambda connection: connection.execute(STORED, [ids]).fetchall())
        except psycopg.Error as error:
            raise FileRefused(FileFault.IDS_UNCHECKED, f"the database refuses: {error.sqlstate}") from error
        if found is None:
            raise FileRefused(FileFault.IDS_UNCHECKED, "the database is unavailable")
        return found

    def _publish(self, prepared: PreparedFile, request: UploadRequest, record: Record) -> Iterator[Step]:
        """Publish in a thread of its own and yield the progress."""
        if not len(prepared):
            record.end(UploadState.SENT)
            yield Sent(prepared.report, 0, 0.0)
            return
        started, acknowledged, left = time.monotonic(), _Counter(), threading.Event()

        def stop() -> bool:
            return self._stop.requested or left.is_set() or request.is_cancelled

        def send_all() -> None:
            self._check_kafka()
            with record.storing_ids(prepared, self._id_of) as messages:
                publish(messages, self._kafka, self._topic, on_progress=acknowledged.set, stop=stop)

        sending = in_background(send_all, "publish")
        try:
            while wait([sending], REPORT_EVERY_SECONDS).not_done:
                yield Sending(acknowledged.value, len(prepared), time.monotonic() - started)
            state = self._end_of(sending, request, complete=acknowledged.value == len(prepared))
        finally:
            left.set()
            wait([sending], LEAVE_WITHIN_SECONDS)
            record.sent(acknowledged.value)
        record.end(state)
        yield Sent(prepared.report, acknowledged.value, time.monotonic() - started, record.upload_id, state)

    def _end_of(self, sending: "Future[None]", request: UploadRequest, *, complete: bool) -> UploadState:
        """Return how the sending ended; raise an error that is not Kafka's."""
        try:
            sending.result()
        except (Retry, Stop) as error:
            get_logger().warning("upload_stopped", reason=str(error))
            return UploadState.KAFKA_UNAVAILABLE if isinstance(error, Retry) else UploadState.KAFKA_REJECTS
        if complete:
            return UploadState.SENT
        return UploadState.CANCELLED if request.is_cancelled else UploadState.INTERRUPTED


class _Counter:
    """The last number reported by another thread."""

    value = 0

    def set(self, value: int) -> None:
        self.value = value


def remove_leftovers(folder: Path, before: float) -> int:
    """Remove the entries of a folder older than `before`, in seconds since 1970; return their number."""
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
