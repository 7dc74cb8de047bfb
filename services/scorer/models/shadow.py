"""A second model that scores what the first has scored, in a thread of its own, and publishes nothing but a comparison.

It must not harm the first: batches are handed over when they are committed, what it finds no time for is skipped and
counted, and a shadow that fails is not asked again until another one is in its folder. What cannot be kept from the
first is processor time, and a crash of the process inside ONNX Runtime. Knows no Kafka client.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
import orjson
from confluent_kafka import KafkaError, KafkaException, Producer
from numpy.typing import NDArray

from services.common.kafka.assignment import Batch
from services.common.logs import get_logger
from services.common.settings import KafkaSettings
from services.scorer import metrics
from services.scorer.decode import Columns
from services.scorer.history.changelog import Record
from services.scorer.score import Model


@dataclass(slots=True)
class ShadowStats:
    """A pair of models and what they said of the same payments.

    Attributes:
        model_version, shadow_version: whose scores are published, and whose are only compared.
        scored: payments that both scored.
        skipped: payments that the shadow had no time for, or could not read.
        both_flagged, only_model, only_shadow: payments by who flagged them.
        shift, absolute_shift: sums of shadow score - score, and of its size.
        largest_shift: the largest size.
        cpu_seconds: what the shadow's thread has used.
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
        """Add payments, [n] each, in one order."""
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
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"key": b"tally", "value": orjson.dumps({"tally": told})}


WAITING_BATCHES = 2
TELL_SECONDS = 10.0
CLOSE_SECONDS = 5.0

log = get_logger()


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """A batch that is committed: how the model in use saw its n payments, and what it said.

    Attributes:
        batch: what was read.
        columns: the payments with their past.
        features: what `model` made of them, float32 [n, k].
        scores: float64 [n].
        flags: bool [n].
        model: whose features and scores these are.
    """

    batch: Batch
    columns: Columns
    features: NDArray[np.float32]
    scores: NDArray[np.float64]
    flags: NDArray[np.bool_]
    model: Model


class Shadow:
    """The thread that asks the second model.

    Attributes:
        model: the second model; None as long as its folder has none that is to be used.
    """

    def __init__(
        self,
        tell: Callable[[Record], None],
        flush: Callable[[], None] = lambda: None,
        tell_seconds: float = TELL_SECONDS,
    ) -> None:
        """Begin to wait for batches.

        Args:
            tell: is given a message of `scorer.models` every so many seconds.
            flush: called at the end; sees to it that what was told arrives.
            tell_seconds: how many.
        """
        self._tell, self._flush, self._tell_seconds = tell, flush, tell_seconds
        self.model: Model | None = None
        self._tally: ShadowStats | None = None
        self._told_at = time.monotonic()
        self._skipped = 0
        self._lock = threading.Lock()
        self._waiting: queue.Queue[ScoredBatch | None] = queue.Queue(WAITING_BATCHES)
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
        self._thread.start()

    def offer(self, model: Model) -> None:
        """Compare with this model from now on."""
        with self._lock:
            if self.model:
                metrics.SHADOW.remove(self.model.manifest.version, self.model.manifest.sha256)
            metrics.SHADOW.labels(model.manifest.version, model.manifest.sha256).set(1)
            self.model = model
        metrics.SHADOW_RELOADS.labels("swapped").inc()
        log.info("shadow in use", shadow=model.manifest.version)

    def see(self, seen: ScoredBatch) -> None:
        """Take a committed batch, if there is time for it; returns at once."""
        if self.model is None:
            return
        try:
            self._waiting.put_nowait(seen)
        except queue.Full:
            self._skip(len(seen.scores))

    def close(self) -> None:
        """Compare what waits and tell it, within a few seconds."""
        try:
            self._waiting.put(None, timeout=CLOSE_SECONDS)
        except queue.Full:
            return
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while True:
            try:
                seen = self._waiting.get(timeout=self._tell_seconds)
            except queue.Empty:
                self._tell_now()
                continue
            if seen is None:
                self._tell_now()
                self._flush()
                return
            self._compare(seen)

    def _compare(self, seen: ScoredBatch) -> None:
        model, began = self.model, time.thread_time()
        if model is None:
            return
        try:
            tally = self._tally_of(seen.model, model)
            payments, features = _as_seen_by(model, seen)
            scores = model.score(features)
            if not (scored := np.isfinite(scores)).all():
                payments, scores = payments[scored], scores[scored]
            flags = model.flag(scores)
        except Exception:  # whatever it is, it is the shadow's affair alone
            metrics.SHADOW_FAILURES.inc()
            log.exception("shadow failed", shadow=model.manifest.version)
            self._drop(model)
            return
        tally.add(seen.scores[payments], seen.flags[payments], scores, flags)
        self._skip(len(seen.scores) - len(payments))
        seconds = time.thread_time() - began
        tally.cpu_seconds += seconds
        _count(seen.flags[payments], flags, float(np.abs(scores - seen.scores[payments]).sum()), seconds)
        if time.monotonic() - self._told_at >= self._tell_seconds:
            self._tell_now()

    def _drop(self, model: Model) -> None:
        with self._lock:
            if self.model is model:
                metrics.SHADOW.remove(model.manifest.version, model.manifest.sha256)
                self.model = None

    def _tally_of(self, model: Model, shadow: Model) -> ShadowStats:
        """Return the tally of this pair; that of another pair is told first."""
        pair = (model.manifest.version, shadow.manifest.version)
        if self._tally and (self._tally.model_version, self._tally.shadow_version) != pair:
            self._tell_now()
        self._tally = self._tally or ShadowStats(*pair)
        return self._tally

    def _skip(self, payments: int) -> None:
        with self._lock:
            self._skipped += payments
        metrics.SHADOW_SKIPPED.inc(payments)

    def _tell_now(self) -> None:
        tally, self._tally, self._told_at = self._tally, None, time.monotonic()
        if tally is None:
            return
        with self._lock:
            tally.skipped, self._skipped = self._skipped, 0
        self._tell(tally.record())


def _as_seen_by(shadow: Model, seen: ScoredBatch) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return which payments of a batch the shadow can read (places, int64 [m]), and its features of them.

    What the model in use has made is used again, as far as the shadow wants nothing else.
    """
    everyone = np.arange(len(seen.scores))
    if shadow.manifest.recipe == seen.model.manifest.recipe:
        return everyone, seen.features
    if set(shadow.decoder.fields) <= set(seen.model.decoder.fields):
        return everyone, shadow.features(seen.columns)
    own, _ = shadow.decoder.decode([seen.batch.messages[row].value() for row in seen.columns.rows.tolist()], str)
    past = None if seen.columns.past is None else seen.columns.past[own.rows]
    return own.rows, shadow.features(replace(own, past=past))


def _count(flags: NDArray[np.bool_], shadow_flags: NDArray[np.bool_], absolute_shift: float, seconds: float) -> None:
    for flag in (False, True):
        for shadow_flag in (False, True):
            payments = int(((flags == flag) & (shadow_flags == shadow_flag)).sum())
            metrics.SHADOW_SCORED.labels(int(flag), int(shadow_flag)).inc(payments)
    metrics.SHADOW_SHIFT.inc(absolute_shift)
    metrics.SHADOW_CPU.inc(seconds)


FLUSH_SECONDS = 2.0

log = get_logger()


class ShadowPublisher:
    """A producer of its own: what is told here has no part in the Kafka transactions of the batches."""

    def __init__(self, kafka: KafkaSettings, topic: str) -> None:
        self._kafka = kafka
        self._topic = topic
        self._producer = self._new_producer()

    def tell(self, record: Record) -> None:
        """Queue a message; one that finds no room is dropped. After a fatal error a new producer takes it."""
        try:
            self._produce(record)
        except KafkaException as error:
            log.warning("shadow_producer_recreated", error=error.args[0].name())
            self._producer = self._new_producer()
            self._produce(record)

    def flush(self) -> None:
        """Wait a little until the broker has what was told."""
        self._producer.flush(FLUSH_SECONDS)

    def _produce(self, record: Record) -> None:
        with contextlib.suppress(BufferError):
            self._producer.produce(self._topic, record["value"], record["key"])
        self._producer.poll(0)

    def _new_producer(self) -> Producer:
        return Producer(self._kafka.client_config(enable_idempotence=True, linger_ms=5, error_cb=_on_error))


def _on_error(error: KafkaError) -> None:
    log.info("comparisons wait for Kafka", error=error.name())
