"""The model that scores, the one that waits to take its place, and the shadow beside it.

Knows neither where models come from nor what a batch is.
"""

import threading

from services.common.errors import FraudError, Retry
from services.common.logs import get_logger
from services.scorer import metrics
from services.scorer.score import Model
from services.scorer.shadow import Shadow

log = get_logger()


class InUse:
    """One model at a time. Another thread may offer the next; the reading thread takes it between two batches.

    A batch keeps the model it was prepared for, so features never meet a model of another recipe. The last model that
    scored is kept until its successor has been replaced as well: a successor that fails is dropped for it.
    """

    def __init__(self, model: Model, shadow: Shadow | None = None) -> None:
        self.model, self.shadow = model, shadow
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

    def has_scored(self, model: Model) -> None:
        """Note that a batch which a model scored is written."""
        if model is self.model:
            self._has_scored = True

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
                    log.error("model failed", model=failed, reason=str(error), goes_on_with=None)
                    return
                self._take(good)
                self._has_scored = True
                log.error("model failed", model=failed, reason=str(error), goes_on_with=good.manifest.version)
        raise Retry(f"the model {failed} failed and was dropped for {self.model.manifest.version}: {error}") from error

    def _take(self, model: Model) -> None:
        metrics.MODEL.remove(self.model.manifest.version, self.model.manifest.sha256)
        metrics.MODEL.labels(model.manifest.version, model.manifest.sha256).set(1)
        self.model = model
