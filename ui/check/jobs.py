"""Runs accepted uploads to their end, whether or not anybody watches. Knows neither the page nor how a file is sent."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

from services.common.logs import get_logger
from services.sender.ids import TakenIds
from ui.check.steps import Reading, Step
from ui.check.upload import UploadRequest
from ui.watch import in_background

UNDER_WAY_MAX = 32
"""Uploads that are sent or wait for their turn; each holds its file on the disk of the page."""

ENDED_KEPT = 32
"""Ended uploads whose report can still be shown again, such as in the other language."""

TELL_EVERY_SECONDS = 0.25
CLOSE_WITHIN_SECONDS = 6.0
"""How long the page, when it stops, waits for its uploads to end: it must itself end before it is killed."""

Send = Callable[[UploadRequest], Iterator[Step]]


@dataclass(eq=False)
class Job:
    """An upload: its journal's id, its file, who sends it, the last step, and what is done with ids that are taken."""

    path: Path
    analyst: str
    upload_id: UUID = field(default_factory=uuid4)
    step: Step = field(default_factory=lambda: Reading(0))
    taken_ids: TakenIds = TakenIds.ASK
    _cancelled: threading.Event = field(default_factory=threading.Event)
    ended: "Future[None]" = field(default_factory=Future)

    @property
    def is_under_way(self) -> bool:
        """Whether it has not ended."""
        return not self.ended.done()

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody has cancelled it; it ends soon."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """End it; what was sent stays sent."""
        self._cancelled.set()

    def start(self, send: Send) -> None:
        """Begin, in a thread of its own."""
        order = UploadRequest(self.path, self.analyst, self._cancelled.is_set, self.upload_id, self.taken_ids)
        self.ended = in_background(lambda: self._run(send(order)), "upload")

    def steps(self) -> Iterator[Step]:
        """Yield the step it is at, about four times a second, and at last the one it ended with.

        Raises:
            Exception: what nobody foresaw, and ended it.
        """
        while wait([self.ended], TELL_EVERY_SECONDS).not_done:
            yield self.step
        self.ended.result()
        yield self.step

    def _run(self, steps: Iterator[Step]) -> None:
        try:
            for step in steps:
                self.step = step
        except Exception:
            get_logger().exception("upload_failed", upload_id=str(self.upload_id))
            raise


class Jobs:
    """The uploads of this process: those under way, and the last that ended."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._jobs: dict[UUID, Job] = {}
        self._lock = threading.Lock()

    def start(self, path: Path, analyst: str, taken_ids: TakenIds = TakenIds.ASK) -> Job | None:
        """Accept a file; None if too many are under way."""
        with self._lock:
            if len(self.under_way()) >= UNDER_WAY_MAX:
                return None
            ended = [job for job in self._jobs.values() if not job.is_under_way]
            for job in ended[:-ENDED_KEPT]:
                del self._jobs[job.upload_id]
            job = Job(path, analyst, taken_ids=taken_ids)
            job.start(self._send)
            self._jobs[job.upload_id] = job
        return job

    def find(self, upload_id: str) -> Job | None:
        """Return the upload of an id, None if this process does not know it (any more)."""
        return next((job for job in list(self._jobs.values()) if str(job.upload_id) == upload_id), None)

    def under_way(self) -> list[Job]:
        """Return the uploads that have not ended, in the order they came."""
        return [job for job in list(self._jobs.values()) if job.is_under_way]

    def close(self) -> None:
        """Wait until every upload has ended, but not for ever: the page was asked to stop, and each of them knows."""
        wait([job.ended for job in self.under_way()], CLOSE_WITHIN_SECONDS)
