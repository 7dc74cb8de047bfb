"""The model that scores, the one that waits to take its place, and the shadow beside it.

Knows neither where models come from nor what a batch is.
"""

import threading
from collections.abc import Collection

from services.common.errors import FraudError, Retry, Stop
from services.common.kafka.reject_limit import RejectCount
from services.common.logs import get_logger
from services.scorer import metrics
from services.scorer.models.shadow import Shadow
from services.scorer.score import Model

log = get_logger()


class InUse:
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
