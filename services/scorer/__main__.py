"""`python -m services.scorer`: score transactions until SIGTERM, or with --until-empty until none are left."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from services.common.errors import FraudError, Retry
from services.common.kafka.lag import LagReader, LagWatch
from services.common.kafka.offsets import Partition
from services.common.kafka.reject_limit import RejectLimit
from services.common.logs import configure_logs, get_logger
from services.common.probes import serve_probes
from services.common.process import InstanceId, StopSignal, Watchdog, raise_gc_threshold, start_malloc_trim
from services.common.settings import KafkaSettings, ProcessSettings, TopicSettings
from services.scorer import metrics
from services.scorer.features import FeaturePlan
from services.scorer.history.changelog import Restored
from services.scorer.history.numbers import PastNumbers
from services.scorer.history.restore import check_copartitioned, restore_histories
from services.scorer.loop import run
from services.scorer.models.load import load_model
from services.scorer.models.reload import ModelHolder, Reloader, hash_of
from services.scorer.models.shadow import Shadow, ShadowPublisher
from services.scorer.pipeline import Session
from services.scorer.quarantine import Quarantine
from services.scorer.read import TransactionSource
from services.scorer.recall import PartitionHistories
from services.scorer.score import Model
from services.scorer.settings import ScorerSettings
from services.scorer.write import ScoreWriter


def main() -> int:
    """Run the scorer; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m services.scorer", description=__doc__)
    parser.add_argument("--until-empty", action="store_true", help="end when every transaction is scored")
    arguments = parser.parse_args()
    configure_logs("scorer")
    try:
        _run(until_empty=arguments.until_empty)
    except FraudError as error:
        get_logger().critical("stopped", reason=str(error))
        return 1
    return 0


def _run(*, until_empty: bool) -> None:
    raise_gc_threshold()
    start_malloc_trim()
    settings, process = ScorerSettings.read(), ProcessSettings.read()
    kafka, topics = KafkaSettings.read(), TopicSettings.read()
    stop = StopSignal.install()
    watchdog = Watchdog(settings.watchdog_ms / 1000)
    instance = InstanceId.claim(process.state_dir, settings.group_id)
    loaded = hash_of(settings.model_dir)  # before the model: one copied in between is found by the first poll
    model = load_model(settings.model_dir, settings.threads)
    stored = model.plan if model.plan.uses_history else None
    shadow = _start_shadow(settings, stored, kafka, topics.models)
    limits = (settings.reject_limit_share, settings.reject_limit_in_a_row)
    models = ModelHolder(model, shadow, limits)
    load = partial(_load_next, settings.model_dir, settings, stored)
    Reloader(settings.model_dir, load, models.stage, loaded).start(settings.model_poll_ms / 1000)
    sessions = _Sessions(settings, kafka, topics, instance.name, stored, stop, watchdog)
    serve_probes(process.probe_host, settings.probe_port, live=lambda: watchdog.healthy, ready=lambda: sessions.ready)
    metrics.SINCE_PROGRESS.set_function(lambda: watchdog.seconds_since_fed)
    metrics.READY.set_function(lambda: sessions.ready)
    lag_reader = LagReader(kafka, settings.group_id)
    lag_watch = LagWatch(lag_reader, lambda: sessions.done_offsets, metrics.LAG, metrics.LAG_SECONDS).start()
    version = {"model": model.manifest.version, "threshold": model.manifest.threshold}
    get_logger().info("started", member=instance.name, **version, timeouts_ms=settings.timeouts_ms)
    quarantine = Quarantine(process.state_dir / f"{instance.name}.suspects")
    try:
        run(sessions.open, models, RejectLimit(*limits), quarantine, stop, watchdog.start(), until_empty=until_empty)
    finally:
        lag_watch.close()
    if shadow:
        shadow.close()
    get_logger().info("ended")


def _start_shadow(
    settings: ScorerSettings, stored: FeaturePlan | None, kafka: KafkaSettings, topic: str
) -> Shadow | None:
    """Return the shadow, if there is a folder for it. Its model is loaded in the background."""
    folder = settings.shadow_model_dir
    if folder is None:
        return None
    publisher = ShadowPublisher(kafka, topic)
    shadow = Shadow(publisher.publish, publisher.flush)
    load = partial(_load_next, folder, settings, stored)
    Reloader(folder, load, shadow.stage, reloads=metrics.SHADOW_RELOADS).start(settings.model_poll_ms / 1000)
    return shadow


def _load_next(folder: Path, settings: ScorerSettings, stored: FeaturePlan | None) -> Model:
    """Return the model that is in a folder now, if it can be used with the history that is stored."""
    # A model without a past must not end the history: what that is made of is decoded for it as well.
    model = load_model(folder, settings.threads, stored.fields if stored else ())
    model.plan.check_history(stored.numbers if stored else None)
    return model


@dataclass(slots=True)
class _Sessions:
    """Opens one session of the Kafka clients after the other; the probes ask about the current one."""

    settings: ScorerSettings
    kafka: KafkaSettings
    topics: TopicSettings
    member: str
    stored: FeaturePlan | None
    stop: StopSignal
    watchdog: Watchdog
    current: Session | None = None

    @property
    def done_offsets(self) -> dict[Partition, int]:
        session = self.current
        return session.source.done_offsets if session else {}

    @property
    def ready(self) -> bool:
        session = self.current
        if session is None or not session.source.ready:
            return False
        return session.histories is None or session.histories.partitions == session.source.partitions

    @contextmanager
    def open(self) -> Iterator[Session]:
        if self.stored:
            check_copartitioned(self.kafka, self.topics)
        with closing(ScoreWriter(self.kafka, self.settings, self.topics, self.member, self.watchdog)) as target:
            target.open(self._go_on)
            topics = [self.topics.transactions]
            with TransactionSource(self.kafka, self.settings, topics, self.member) as source:
                stored = self.stored
                histories = PartitionHistories(stored, partial(self._restore, stored.numbers)) if stored else None
                self.current = Session(source, target, histories)
                try:
                    yield self.current
                finally:
                    self.current = None  # first: a probe must not ask a client that is being closed

    def _restore(self, numbers: PastNumbers, partitions: Iterable[int]) -> Iterable[tuple[int, Restored]]:
        return restore_histories(self.kafka, self.topics.history, numbers, partitions, self._go_on)

    def _go_on(self) -> None:
        """Called while a session waits for Kafka, which may take longer than the watchdog's limit."""
        self.watchdog.feed()
        if self.stop.requested:
            raise Retry("asked to stop before Kafka answered")


if __name__ == "__main__":
    sys.exit(main())
