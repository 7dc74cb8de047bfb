"""Runs accepted uploads to their end, whether or not anybody watches."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from services.common.logs import get_logger
from services.sender.ids import TakenIds
from ui.check.steps import ReadingFile, Step
from ui.check.upload import UploadRequest
from ui.watch import in_background

UNDER_WAY_MAX = 32
"""Uploads that are sent or queued; each occupies disk space of the page."""

ENDED_RETAINED = 32
"""Ended uploads whose report can be shown again, such as in the other language."""

REPORT_EVERY_SECONDS = 0.25
CLOSE_WITHIN_SECONDS = 6.0
"""How long a stopping page waits for its uploads: it must exit before it is killed."""

Send = Callable[[UploadRequest], Iterator[Step]]


@dataclass(eq=False)
class Job(UploadRequest):
    """An accepted upload: its last step, and the future of its end."""

    step: Step = field(default_factory=lambda: ReadingFile(0))
    ended: "Future[None]" = field(default_factory=Future)

    @property
    def is_under_way(self) -> bool:
        """Whether it has not ended."""
        return not self.ended.done()

    def start(self, send: Send) -> None:
        """Start it in a thread of its own."""
        self.ended = in_background(lambda: self._run(send(self)), "upload")

    def steps(self) -> Iterator[Step]:
        """Yield the current step about four times a second, and the one it ended with last.

        Raises:
            Exception: the unexpected error that ended it.
        """
        while wait([self.ended], REPORT_EVERY_SECONDS).not_done:
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
    """The uploads of this process: those under way and the last that ended."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._jobs: dict[UUID, Job] = {}
        self._lock = threading.Lock()

    def start(self, path: Path, analyst: str, taken_ids: TakenIds = TakenIds.ASK) -> Job | None:
        """Accept a file and return its job; None if too many are under way."""
        with self._lock:
            if len(self.under_way()) >= UNDER_WAY_MAX:
                return None
            ended = [job for job in self._jobs.values() if not job.is_under_way]
            for job in ended[:-ENDED_RETAINED]:
                del self._jobs[job.upload_id]
            job = Job(path, analyst, taken_ids)
            job.start(self._send)
            self._jobs[job.upload_id] = job
        return job

    def find(self, upload_id: str) -> Job | None:
        """Return the job of an upload; None if this process does not have it (any more)."""
        return next((job for job in list(self._jobs.values()) if str(job.upload_id) == upload_id), None)

    def cancel(self, upload_id: str, analyst: str | None) -> None:
        """Cancel an upload, whoever started it; `analyst` is None for a user who may not."""
        job = self.find(upload_id)
        if job is not None and analyst is not None:
            job.cancel()
            get_logger().info("upload_cancelled", upload_id=upload_id, analyst=analyst)

    def under_way(self) -> list[Job]:
        """Return the jobs that have not ended, in the order of acceptance."""
        return [job for job in list(self._jobs.values()) if job.is_under_way]

    def close(self) -> None:
        """Wait, for a limited time, until every upload has ended; the stop signal of the page ends them."""
        wait([job.ended for job in self.under_way()], CLOSE_WITHIN_SECONDS)
