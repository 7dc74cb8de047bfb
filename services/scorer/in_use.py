"""The model that scores, the one that waits to take its place, and the shadow beside it.

Knows neither where models come from nor what a batch is.
"""

import threading

from services.common.logs import get_logger
from services.scorer import metrics
from services.scorer.score import Model
from services.scorer.shadow import Shadow

log = get_logger()


class InUse:
    """One model at a time. Another thread may offer the next; the reading thread takes it between two batches.

    A batch keeps the model it was prepared for, so features never meet a model of another recipe.
    """

    def __init__(self, model: Model, shadow: Shadow | None = None) -> None:
        self.model, self.shadow = model, shadow
        self._next: Model | None = None
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
            was, self.model, self._next = self.model.manifest, self._next, None
        now = self.model.manifest
        metrics.MODEL.remove(was.version, was.sha256)
        metrics.MODEL.labels(now.version, now.sha256).set(1)
        metrics.RELOADS.labels("swapped").inc()
        log.info("model swapped", model=now.version, was=was.version, threshold=now.threshold)
