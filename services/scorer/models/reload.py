"""Replaces the model while the scorer runs: a reloader stages a new one, the holder swaps it in between two batches.

A model is identified by its manifest's content. What is refused is logged once and not tried again until something in
its folder changes. A folder that may still be being copied (a missing file, or one that is not the manifest's) is
first polled for a while.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path

from prometheus_client import Counter

from services.common.errors import FraudError, Retry, Stop
from services.common.kafka.reject_limit import RejectCount
from services.common.logs import get_logger
from services.common.manifest import MANIFEST_NAME, Unfinished
from services.scorer import metrics
from services.scorer.models.shadow import Shadow
from services.scorer.score import Model

PATIENCE_SECONDS = 30.0
"""A folder that stays unfinished, without a change, is refused after this time."""

FolderState = tuple[bytes, frozenset[tuple[str, int, int]]]
"""Hash of the manifest; name, size and time of change (ns) of each file."""

log = get_logger()


class ModelHolder:
    """The model in use. Another thread may stage the next one; the reading thread swaps it in between two batches.

    A batch keeps the model it was prepared for, so features never meet a model of another contract. The last model that
    scored is held until its successor has scored and is replaced too: a successor that fails is dropped for it.

    Attributes:
        model: in use.
        shadow: compared with it, if there is one.
    """

    def __init__(self, model: Model, shadow: Shadow | None = None, limit: tuple[float, int] = (0, 0)) -> None:
        """Begin with a model.

        Args:
            model: in use from now on.
            shadow: compared with it.
            limit: share and number in a row of transactions that a model may have no score for, as in RejectCount;
                (0, 0): no limit.
        """
        self.model, self.shadow = model, shadow
        self._limit = limit
        self._unscored = RejectCount(*limit)
        self._reported: Model | None = None
        self._staged: Model | None = None
        self._last_good: Model | None = None
        self._has_scored = True  # the first model is trusted: there is no better one
        self._lock = threading.Lock()
        metrics.MODEL.labels(model.manifest.version, model.manifest.sha256).set(1)

    def stage(self, model: Model) -> None:
        """Let a model replace the one in use when the next batch begins."""
        with self._lock:
            self._staged = model

    def swap_pending(self) -> None:
        """Swap in the staged model, if there is one. Called by the thread that prepares batches, between two."""
        if self._staged is None:
            return
        with self._lock:
            if self._has_scored:
                self._last_good = self.model
            before, self._has_scored = self.model.manifest, False
            self._use(self._staged)
            self._staged = None
        metrics.RELOADS.labels("swapped").inc()
        now = self.model.manifest
        log.info("model_swapped", model=now.version, was=before.version, threshold=now.threshold)

    def check(self, model: Model, asked: int, unscored: Collection[int]) -> None:
        """Drop a model that has no score for too many transactions, before they are written as rejects.

        Args:
            model: the one that a batch was prepared for.
            asked: number of transactions it was asked about.
            unscored: places among them, from 0 on, of those without a score.

        Raises:
            Retry: as in drop().
        """
        if model is self.model and (found := self._unscored.over_with(asked, unscored)):
            self.drop(model, Stop(f"{found}: it gives no finite probability"))

    def has_scored(self, model: Model, asked: int = 1, unscored: Collection[int] = ()) -> None:
        """Note that a batch scored by a model is written; arguments as in check()."""
        if model is self.model:
            self._has_scored = True
            self._unscored.add(asked, unscored)

    def drop(self, model: Model, error: FraudError) -> None:
        """Replace a model that failed by the last one that scored; without one, only report the failure.

        Args:
            model: the one that a batch was prepared for; if it was replaced since, nothing is dropped.
            error: why it failed.

        Raises:
            Retry: read the batch again and score it with the model that is in use now.
        """
        failed = model.manifest.version
        with self._lock:
            if self.model is model:
                good, self._last_good = self._last_good, None
                metrics.FAILURES.inc()
                if good is None:
                    self._report_once(model, error)
                    return
                self._use(good)
                self._has_scored = True
                log.error("model_failed", model=failed, reason=str(error), goes_on_with=good.manifest.version)
        raise Retry(f"the model {failed} failed and was dropped for {self.model.manifest.version}: {error}") from error

    def _report_once(self, model: Model, error: FraudError) -> None:
        """Log a failure once a model: without a replacement it may fail on every batch. The metric counts them all."""
        if self._reported is not model:
            self._reported = model
            log.error("model_failed", model=model.manifest.version, reason=str(error), goes_on_with=None)

    def _use(self, model: Model) -> None:
        metrics.MODEL.remove(self.model.manifest.version, self.model.manifest.sha256)
        metrics.MODEL.labels(model.manifest.version, model.manifest.sha256).set(1)
        self.model, self._unscored = model, RejectCount(*self._limit)


class Reloader:
    """Polls one folder for new models."""

    def __init__(
        self,
        folder: Path,
        load: Callable[[], Model],
        stage: Callable[[Model], None],
        loaded: bytes = b"",
        reloads: Counter = metrics.RELOADS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare to poll a folder.

        Args:
            folder: of manifest.json and the ONNX file.
            load: returns the folder's model; raises Stop if it is refused, Unfinished if it may still be completed.
            stage: called with each new model.
            loaded: hash_of() the manifest that is in use already.
            reloads: counts refused models.
            clock: monotonic seconds.
        """
        self._folder, self._load, self._stage, self._clock = folder, load, stage, clock
        self._loaded, self._reloads = loaded, reloads
        self._refused: FolderState | None = None
        self._unfinished: FolderState | None = None
        self._unfinished_since = 0.0

    def start(self, interval_seconds: float) -> None:
        """Poll at once and then at an interval, in a daemon thread; 0 seconds: only once."""
        threading.Thread(target=self._poll_for_ever, args=(interval_seconds,), name="reload", daemon=True).start()

    def poll(self) -> None:
        """Look once: stage a new model, refuse it, or wait until its folder is complete."""
        state = self._state()
        if state[0] == self._loaded or state == self._refused:
            return
        started = time.monotonic()
        try:
            model = self._load()
        except Unfinished as error:
            if self._out_of_patience(state):
                self._refuse(state, error)
        except Stop as error:
            self._refuse(state, error)
        else:
            self._loaded = state[0]
            seconds = round(time.monotonic() - started, 3)
            log.info("model_loaded", model=model.manifest.version, folder=str(self._folder), seconds=seconds)
            self._stage(model)

    def _poll_for_ever(self, interval_seconds: float) -> None:
        while True:
            try:
                self.poll()
            except Exception:  # the model in use goes on; retried at the next poll
                log.exception("reload_failed", folder=str(self._folder))
            if not interval_seconds:
                return
            time.sleep(interval_seconds)

    def _state(self) -> FolderState:
        manifest = hash_of(self._folder)
        try:
            files = [(path.name, path.stat()) for path in self._folder.iterdir() if path.is_file()]
        except OSError:
            files = []
        return manifest, frozenset((name, stat.st_size, stat.st_mtime_ns) for name, stat in files)

    def _out_of_patience(self, state: FolderState) -> bool:
        if state != self._unfinished:
            self._unfinished, self._unfinished_since = state, self._clock()
        return self._clock() - self._unfinished_since >= PATIENCE_SECONDS

    def _refuse(self, state: FolderState, error: Stop) -> None:
        self._refused = state
        self._reloads.labels("refused").inc()
        log.error("model_refused", folder=str(self._folder), reason=str(error))


def hash_of(folder: Path) -> bytes:
    """Return the SHA-256 of a folder's manifest; empty if there is none."""
    try:
        return hashlib.sha256((folder / MANIFEST_NAME).read_bytes()).digest()
    except OSError:
        return b""
