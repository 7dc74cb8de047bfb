"""Looks for another model in a folder, checks it and loads it beside the one in use. Knows no Kafka and no batch.

What is in the folder is told by content: another manifest is another model. It is refused by a line in the log and
never tried again until something in the folder changes; a folder that may still be being written (no file, or one that
is not the manifest's) is tried again in silence first.
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
from services.scorer import metrics
from services.scorer.history.history import PAST
from services.scorer.manifest import MANIFEST_NAME, Recipe, Unfinished
from services.scorer.models.shadow import Shadow
from services.scorer.score import Model

PATIENCE_SECONDS = 30.0
"""So long a folder may stay unfinished, without a change, before it is refused."""

RISKS_OF_THE_PAST = frozenset(name for name in PAST if "risk" in name)

State = tuple[bytes, frozenset[tuple[str, int, int]]]
"""What a folder holds: the hash of its manifest; name, size and time of change (ns) of its files."""

log = get_logger()


class Reloader:
    """Watches one folder."""

    def __init__(
        self,
        folder: Path,
        load: Callable[[], Model],
        offer: Callable[[Model], None],
        loaded: bytes = b"",
        reloads: Counter = metrics.RELOADS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Watch a folder from now on.

        Args:
            folder: of manifest.json and the ONNX file.
            load: returns the folder's model; raises Stop if it is not to be used, Unfinished if it may yet be.
            offer: is given each new model.
            loaded: hash_of() the manifest that is in use already.
            reloads: counts what is refused.
            clock: seconds that never go back.
        """
        self._folder, self._load, self._offer, self._clock = folder, load, offer, clock
        self._loaded, self._reloads = loaded, reloads
        self._refused: State | None = None
        self._unfinished: State | None = None
        self._unfinished_since = 0.0

    def start(self, every_seconds: float) -> None:
        """Look at once and then so often, in a daemon thread, for as long as the process lives; 0 seconds: once."""
        threading.Thread(target=self._look_for_ever, args=(every_seconds,), name="reload", daemon=True).start()

    def look(self) -> None:
        """Look once: offer a new model, refuse it, or wait until its folder is complete."""
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
            log.info("model loaded", model=model.manifest.version, folder=str(self._folder), seconds=seconds)
            self._offer(model)

    def _look_for_ever(self, every_seconds: float) -> None:
        while True:
            try:
                self.look()
            except Exception:  # whatever it is, the model in use goes on, and the next look may be luckier
                log.exception("reload failed", folder=str(self._folder))
            if not every_seconds:
                return
            time.sleep(every_seconds)

    def _state(self) -> State:
        manifest = hash_of(self._folder)
        try:
            files = [(path.name, path.stat()) for path in self._folder.iterdir() if path.is_file()]
        except OSError:
            files = []
        return manifest, frozenset((name, stat.st_size, stat.st_mtime_ns) for name, stat in files)

    def _out_of_patience(self, state: State) -> bool:
        if state != self._unfinished:
            self._unfinished, self._unfinished_since = state, self._clock()
        return self._clock() - self._unfinished_since >= PATIENCE_SECONDS

    def _refuse(self, state: State, error: Stop) -> None:
        self._refused = state
        self._reloads.labels("refused").inc()
        log.error("model refused", folder=str(self._folder), reason=str(error))


def hash_of(folder: Path) -> bytes:
    """Return the SHA-256 of a folder's manifest; nothing if there is none."""
    try:
        return hashlib.sha256((folder / MANIFEST_NAME).read_bytes()).digest()
    except OSError:
        return b""


def check_history(recipe: Recipe, kept: Recipe | None) -> None:
    """Check that a model can be fed from a history that was kept for another one.

    The history holds each payment's risk as it was when the payment came: a look-up in the table of the recipe the
    history was kept by. Another table would mean other risks, and those of the past cannot be looked up anew.

    Args:
        recipe: of the new model.
        kept: the recipe that the history is kept by; None if none is kept.

    Raises:
        Stop: the new model would see another past than it was trained with.
    """
    past = set(PAST).intersection(recipe.features)
    if not past:
        return
    if kept is None:
        raise Stop("the model looks at the past and this scorer keeps none: restart it with this model")
    if past & RISKS_OF_THE_PAST and (recipe.risk, recipe.categories) != (kept.risk, kept.categories):
        raise Stop(
            "the model's risk table is not the one the history was kept by: train it with --risks-of the model in use,"
            " or restart with a new history, see docs/models.md"
        )


log = get_logger()


class ModelHolder:
    """One model at a time. Another thread may offer the next; the reading thread takes it between two batches.

    A batch keeps the model it was prepared for, so features never meet a model of another recipe. The last model that
    scored is kept until its successor has been replaced as well: a successor that fails is dropped for it.
    """

    def __init__(self, model: Model, shadow: Shadow | None = None, limit: tuple[float, int] = (0, 0)) -> None:
        """Begin with a model; `limit`, share and number in a row, says how many transactions it may have no score for.

        As of RejectCount; (0, 0) = no limit.
        """
        self.model, self.shadow = model, shadow
        self._limit = limit
        self._unscored = RejectCount(*limit)
        self._reported: Model | None = None
        self._next: Model | None = None
        self._last_good: Model | None = None
        self._has_scored = True  # there is no better one
        self._lock = threading.Lock()
        metrics.MODEL.labels(model.manifest.version, model.manifest.sha256).set(1)

    def offer(self, model: Model) -> None:
        """Let a model take the place of the one in use when the next batch begins."""
        with self._lock:
            self._next = model

    def change(self) -> None:
        """Take the model that waits, if one does. For the thread that prepares batches, between two of them."""
        if self._next is None:
            return
        with self._lock:
            if self._has_scored:
                self._last_good = self.model
            was, self._has_scored = self.model.manifest, False
            self._take(self._next)
            self._next = None
        metrics.RELOADS.labels("swapped").inc()
        now = self.model.manifest
        log.info("model swapped", model=now.version, was=was.version, threshold=now.threshold)

    def check(self, model: Model, asked: int, unscored: Collection[int]) -> None:
        """Give up a model that has no score for too many transactions, before they are written.

        Args:
            model: the one that a batch was prepared for.
            asked: transactions that it was asked about.
            unscored: places among them, from 0 on, of those it has no score for.

        Raises:
            Retry: as of drop().
        """
        if model is self.model and (found := self._unscored.over_with(asked, unscored)):
            self.drop(model, Stop(f"{found}: it gives no finite probability"))

    def has_scored(self, model: Model, asked: int = 1, unscored: Collection[int] = ()) -> None:
        """Note that a batch which a model scored is written; arguments as of check()."""
        if model is self.model:
            self._has_scored = True
            self._unscored.add(asked, unscored)

    def drop(self, model: Model, error: FraudError) -> None:
        """Give up a model that has failed, for the last one that scored; without one, only say so.

        Args:
            model: the one that a batch was prepared for; if another has taken its place since, that one goes on.
            error: what it failed with.

        Raises:
            Retry: the batch is to be read again and scored by the model that is in use now.
        """
        failed = model.manifest.version
        with self._lock:
            if self.model is model:
                good, self._last_good = self._last_good, None
                metrics.FAILURES.inc()
                if good is None:
                    self._report_once(model, error)
                    return
                self._take(good)
                self._has_scored = True
                log.error("model failed", model=failed, reason=str(error), goes_on_with=good.manifest.version)
        raise Retry(f"the model {failed} failed and was dropped for {self.model.manifest.version}: {error}") from error

    def _report_once(self, model: Model, error: FraudError) -> None:
        """Log that nothing can take a model's place: once, as it may fail on every batch. The metric counts them."""
        if self._reported is not model:
            self._reported = model
            log.error("model failed", model=model.manifest.version, reason=str(error), goes_on_with=None)

    def _take(self, model: Model) -> None:
        metrics.MODEL.remove(self.model.manifest.version, self.model.manifest.sha256)
        metrics.MODEL.labels(model.manifest.version, model.manifest.sha256).set(1)
        self.model, self._unscored = model, RejectCount(*self._limit)
