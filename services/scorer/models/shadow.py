"""Scores with a second model what the first one has scored, in a thread of its own, and publishes a comparison.

A failing shadow must not affect scoring: batches are handed over after their commit, those it has no time for are
skipped and counted, and a shadow that fails is not used again until its folder has another model. What it can still
take from the first is processor time, and a native crash inside ONNX Runtime ends both.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import orjson
from confluent_kafka import KafkaError, KafkaException, Producer
from numpy.typing import NDArray

from services.common.kafka.assignment import Batch
from services.common.logs import get_logger
from services.common.settings import KafkaSettings
from services.scorer import metrics
from services.scorer.decode import Columns
from services.scorer.features import Features
from services.scorer.history.changelog import Record
from services.scorer.score import Model

WAITING_BATCHES = 2
PUBLISH_SECONDS = 10.0
CLOSE_SECONDS = 5.0
FLUSH_SECONDS = 2.0

log = get_logger()


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """A batch as the model in use saw its n scored transactions, and its answers.

    Attributes:
        batch: what was read.
        columns: the transactions with their past.
        features: what `model` made of them, [n, k].
        scores: float64 [n].
        flags: bool [n].
        model: whose features and scores these are.
        unscored: places, among all that the model was asked about, of those it gave no score.
        inference_seconds: time in the model.
    """

    batch: Batch
    columns: Columns
    features: Features
    scores: NDArray[np.float64]
    flags: NDArray[np.bool_]
    model: Model
    unscored: Sequence[int] = ()
    inference_seconds: float = 0.0


class Shadow:
    """The thread of the second model.

    Attributes:
        model: the second model; None while its folder has none that can be used.
    """

    def __init__(
        self,
        publish: Callable[[Record], None],
        flush: Callable[[], None] = lambda: None,
        publish_seconds: float = PUBLISH_SECONDS,
    ) -> None:
        """Start the thread.

        Args:
            publish: called with a message of `scorer.models` at an interval.
            flush: called at the end; waits until what was published has arrived.
            publish_seconds: the interval.
        """
        self._publish, self._flush, self._publish_seconds = publish, flush, publish_seconds
        self.model: Model | None = None
        self._stats: ShadowStats | None = None
        self._published_at = time.monotonic()
        self._skipped = 0
        self._lock = threading.Lock()
        self._waiting: queue.Queue[ScoredBatch | None] = queue.Queue(WAITING_BATCHES)
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
        self._thread.start()

    def stage(self, model: Model) -> None:
        """Compare with this model from now on."""
        with self._lock:
            if self.model:
                metrics.SHADOW.remove(self.model.manifest.version, self.model.manifest.sha256)
            metrics.SHADOW.labels(model.manifest.version, model.manifest.sha256).set(1)
            self.model = model
        metrics.SHADOW_RELOADS.labels("swapped").inc()
        log.info("shadow_swapped", shadow=model.manifest.version)

    def compare(self, scored: ScoredBatch) -> None:
        """Queue a committed batch, or skip it if the queue is full; returns at once."""
        if self.model is None:
            return
        try:
            self._waiting.put_nowait(scored)
        except queue.Full:
            self._skip(len(scored.scores))

    def close(self) -> None:
        """Compare and publish what is queued, within a few seconds."""
        try:
            self._waiting.put(None, timeout=CLOSE_SECONDS)
        except queue.Full:
            return
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while True:
            try:
                scored = self._waiting.get(timeout=self._publish_seconds)
            except queue.Empty:
                self._publish_stats()
                continue
            if scored is None:
                self._publish_stats()
                self._flush()
                return
            self._compare(scored)

    def _compare(self, scored: ScoredBatch) -> None:
        model, began = self.model, time.thread_time()
        if model is None:
            return
        try:
            stats = self._stats_of(scored.model, model)
            places, features = _as_seen_by(model, scored)
            scores = model.score(features)
            if not (finite := np.isfinite(scores)).all():
                places, scores = places[finite], scores[finite]
            flags = model.flag(scores)
        except Exception:  # a failing shadow must not affect scoring
            metrics.SHADOW_FAILURES.inc()
            log.exception("shadow_failed", shadow=model.manifest.version)
            self._drop(model)
            return
        stats.add(scored.scores[places], scored.flags[places], scores, flags)
        self._skip(len(scored.scores) - len(places))
        seconds = time.thread_time() - began
        stats.cpu_seconds += seconds
        _count(scored.flags[places], flags, float(np.abs(scores - scored.scores[places]).sum()), seconds)
        if time.monotonic() - self._published_at >= self._publish_seconds:
            self._publish_stats()

    def _drop(self, model: Model) -> None:
        with self._lock:
            if self.model is model:  # it may have been replaced meanwhile
                metrics.SHADOW.remove(model.manifest.version, model.manifest.sha256)
                self.model = None

    def _stats_of(self, model: Model, shadow: Model) -> "ShadowStats":
        """Return the statistics of this pair of models; those of another pair are published first."""
        pair = (model.manifest.version, shadow.manifest.version)
        if self._stats and (self._stats.model_version, self._stats.shadow_version) != pair:
            self._publish_stats()
        self._stats = self._stats or ShadowStats(*pair)
        return self._stats

    def _skip(self, transactions: int) -> None:
        with self._lock:
            self._skipped += transactions
        metrics.SHADOW_SKIPPED.inc(transactions)

    def _publish_stats(self) -> None:
        stats, self._stats, self._published_at = self._stats, None, time.monotonic()
        if stats is None:
            return
        with self._lock:
            stats.skipped, self._skipped = self._skipped, 0
        self._publish(stats.record())


@dataclass(slots=True)
class ShadowStats:
    """Compares the scores of two models for the same transactions.

    Attributes:
        model_version, shadow_version: the model whose scores are published, and the one that is only compared.
        scored: transactions that both scored.
        skipped: transactions that the shadow had no time for, or could not decode.
        both_flagged, only_model, only_shadow: transactions by the model that flagged them.
        shift, absolute_shift: sums of shadow score - score, and of its absolute value.
        largest_shift: the largest absolute value.
        cpu_seconds: processor time of the shadow's thread.
    """

    model_version: str
    shadow_version: str
    scored: int = 0
    skipped: int = 0
    both_flagged: int = 0
    only_model: int = 0
    only_shadow: int = 0
    shift: float = 0.0
    absolute_shift: float = 0.0
    largest_shift: float = 0.0
    cpu_seconds: float = 0.0

    def add(
        self,
        scores: NDArray[np.float64],
        flags: NDArray[np.bool_],
        shadow_scores: NDArray[np.float64],
        shadow_flags: NDArray[np.bool_],
    ) -> None:
        """Add transactions, [n] each, in the same order."""
        shifts = shadow_scores - scores
        self.scored += len(scores)
        self.both_flagged += int((flags & shadow_flags).sum())
        self.only_model += int((flags & ~shadow_flags).sum())
        self.only_shadow += int((~flags & shadow_flags).sum())
        self.shift += float(shifts.sum())
        self.absolute_shift += float(np.abs(shifts).sum())
        self.largest_shift = max(self.largest_shift, float(np.abs(shifts).max(initial=0.0)))

    def record(self) -> Record:
        """Return the message of `scorer.models`."""
        return {"key": b"tally", "value": orjson.dumps({"tally": asdict(self)})}


class ShadowPublisher:
    """A producer of its own: comparisons take no part in the Kafka transactions of the batches."""

    def __init__(self, kafka: KafkaSettings, topic: str) -> None:
        self._kafka = kafka
        self._topic = topic
        self._producer = self._new_producer()

    def publish(self, record: Record) -> None:
        """Queue a message, or drop it if the queue is full. After a fatal error the producer is recreated."""
        try:
            self._produce(record)
        except KafkaException as error:
            log.warning("shadow_producer_recreated", error=error.args[0].name())
            self._producer = self._new_producer()
            self._produce(record)

    def flush(self) -> None:
        """Wait a little until the broker has what was queued."""
        self._producer.flush(FLUSH_SECONDS)

    def _produce(self, record: Record) -> None:
        with contextlib.suppress(BufferError):
            self._producer.produce(self._topic, record["value"], record["key"])
        self._producer.poll(0)

    def _new_producer(self) -> Producer:
        return Producer(self._kafka.client_config(enable_idempotence=True, linger_ms=5, error_cb=_on_error))


def _as_seen_by(shadow: Model, scored: ScoredBatch) -> tuple[NDArray[np.int64], Features]:
    """Return which transactions of a batch the shadow can decode (places, int64 [m]), and its features of them.

    Features or columns of the model in use serve the shadow too, where it needs no others.
    """
    everything, past = np.arange(len(scored.scores)), scored.columns.past
    if past and not past.keys() >= set(shadow.plan.readings):  # it was swapped in while the batch was under way
        return everything[:0], np.empty((0, len(shadow.plan.names)), np.float32)
    used = scored.model
    if shadow.plan.contract == used.plan.contract and shadow.session.dtype is used.session.dtype:
        return everything, scored.features
    if set(shadow.decoder.fields) <= set(used.decoder.fields):
        return everything, shadow.features(scored.columns)
    values = [scored.batch.messages[row].value() for row in scored.columns.rows.tolist()]
    own, _ = shadow.decoder.decode(values, str)
    seen = {reading: column[own.rows] for reading, column in past.items()}
    return own.rows, shadow.features(replace(own, past=seen))


def _count(flags: NDArray[np.bool_], shadow_flags: NDArray[np.bool_], absolute_shift: float, seconds: float) -> None:
    for flag in (False, True):
        for shadow_flag in (False, True):
            transactions = int(((flags == flag) & (shadow_flags == shadow_flag)).sum())
            metrics.SHADOW_SCORED.labels(int(flag), int(shadow_flag)).inc(transactions)
    metrics.SHADOW_SHIFT.inc(absolute_shift)
    metrics.SHADOW_CPU.inc(seconds)


def _on_error(error: KafkaError) -> None:
    log.info("shadow_producer_waiting", error=error.name())
