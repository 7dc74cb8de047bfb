"""`python -m services.scorer`: score transactions until SIGTERM, or with --until-empty until there are none left."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from services.common.contract import CUSTOMER_FIELDS
from services.common.errors import FraudError, Retry
from services.common.kafka.lag import LagReader, LagWatch
from services.common.kafka.offsets import Partition
from services.common.kafka.reject_limit import RejectLimit
from services.common.logs import configure_logs, get_logger
from services.common.probes import serve_probes
from services.common.process import InstanceId, StopSignal, Watchdog, raise_gc_threshold, start_malloc_trim
from services.common.settings import KafkaSettings, ProcessSettings, TopicSettings
from services.scorer import metrics
from services.scorer.history.changelog import Restored
from services.scorer.history.restore import check_copartitioned, restore_histories
from services.scorer.loop import OpenSession, run
from services.scorer.manifest import Recipe
from services.scorer.models.reload import ModelHolder, Reloader, check_history, hash_of
from services.scorer.models.shadow import Shadow, ShadowPublisher
from services.scorer.pipeline import Session
from services.scorer.quarantine import Quarantine
from services.scorer.read import TransactionSource
from services.scorer.recall import PartitionHistories, uses_history
from services.scorer.score import Model, load_model
from services.scorer.settings import ScorerSettings
from services.scorer.write import ScoreWriter


def main() -> int:
    """Run the scorer; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m services.scorer", description=__doc__)
    parser.add_argument("--until-empty", action="store_true", help="end once every transaction has been scored")
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
    slot = InstanceId.claim(process.state_dir, settings.group_id)
    found = hash_of(settings.model_dir)
    model = load_model(settings.model_dir, settings.threads)
    kept = model.manifest.recipe if uses_history(model.manifest.recipe) else None
    folder = settings.shadow_model_dir
    shadow = _watch_shadow(settings, folder, kept, ShadowPublisher(kafka, topics.models)) if folder else None
    limits = (settings.reject_limit_share, settings.reject_limit_in_a_row)
    in_use = ModelHolder(model, shadow, limits)
    load = partial(_load_another, settings.model_dir, settings, kept)
    Reloader(settings.model_dir, load, in_use.offer, found).start(settings.model_poll_ms / 1000)
    current = _Current()
    serve_probes(
        process.probe_host,
        settings.probe_port,
        live=lambda: watchdog.healthy,
        ready=lambda: current.ready,
    )
    metrics.SINCE_PROGRESS.set_function(lambda: watchdog.seconds_since_fed)
    metrics.READY.set_function(lambda: current.ready)
    lag_reader = LagReader(kafka, settings.group_id)
    lag_watch = LagWatch(lag_reader, lambda: current.done_offsets, metrics.LAG, metrics.LAG_SECONDS).start()
    told = {"model": model.manifest.version, "threshold": model.manifest.threshold}
    get_logger().info("started", member=slot.name, **told, timeouts_ms=settings.timeouts_ms)
    open_session = _session_opener(settings, kafka, topics, slot, kept, stop, watchdog, current)
    limit = RejectLimit(*limits)
    suspects = Quarantine(process.state_dir / f"{slot.name}.suspects")
    try:
        run(open_session, in_use, limit, suspects, stop, watchdog.start(), until_empty=until_empty)
    finally:
        lag_watch.close()
    if shadow:
        shadow.close()
    get_logger().info("ended")


def _watch_shadow(settings: ScorerSettings, folder: Path, kept: Recipe | None, teller: ShadowPublisher) -> Shadow:
    """Return the shadow, whose model is loaded behind its back: the scorer does not wait for it."""
    shadow = Shadow(teller.tell, teller.flush)
    load = partial(_load_another, folder, settings, kept)
    reloader = Reloader(folder, load, shadow.offer, reloads=metrics.SHADOW_RELOADS)
    reloader.start(settings.model_poll_ms / 1000)
    return shadow


def _load_another(folder: Path, settings: ScorerSettings, kept: Recipe | None) -> Model:
    """Return the model that is in a folder now, if it can be fed from a history that is kept by a recipe."""
    model = load_model(folder, settings.threads, CUSTOMER_FIELDS if kept else ())
    check_history(model.manifest.recipe, kept)
    return model


class _Current:
    """The session of the moment, for the probes."""

    def __init__(self) -> None:
        self.session: Session | None = None

    @property
    def done_offsets(self) -> dict[Partition, int]:
        session = self.session
        return session.source.done_offsets if session else {}

    @property
    def ready(self) -> bool:
        session = self.session
        if session is None or not session.source.ready:
            return False
        return session.memory is None or session.memory.partitions == session.source.partitions


def _session_opener(
    settings: ScorerSettings,
    kafka: KafkaSettings,
    topics: TopicSettings,
    slot: InstanceId,
    kept: Recipe | None,
    stop: StopSignal,
    watchdog: Watchdog,
    current: _Current,
) -> OpenSession:
    def go_on() -> None:
        watchdog.feed()
        if stop.requested:
            raise Retry("asked to stop before Kafka answered")

    def restore(partitions: Iterable[int]) -> Iterable[tuple[int, Restored]]:
        return restore_histories(kafka, topics.history, partitions, go_on)

    @contextmanager
    def open_session() -> Iterator[Session]:
        if kept:
            check_copartitioned(kafka, topics)
        target = ScoreWriter(kafka, settings, topics, slot.name, watchdog)
        try:
            target.open(go_on)
            source = TransactionSource(kafka, settings, [topics.transactions], slot.name)
            try:
                current.session = Session(source, target, PartitionHistories(kept, restore) if kept else None)
                yield current.session
            finally:
                current.session = None
                source.close()
        finally:
            target.close()

    return open_session


if __name__ == "__main__":
    sys.exit(main())
