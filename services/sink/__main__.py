"""`python -m services.sink`: store scores in PostgreSQL until SIGTERM, or with --until-empty until none are left."""

import argparse
import sys
from contextlib import closing

from services.common.contract.load import read_contract
from services.common.errors import FraudError
from services.common.kafka.lag import LagReader, LagWatch
from services.common.kafka.offsets import wait_for_cluster
from services.common.logs import configure_logs, get_logger
from services.common.probes import serve_probes
from services.common.process import (
    InstanceId,
    StopSignal,
    Watchdog,
    raise_gc_threshold,
    start_malloc_trim,
)
from services.common.reading.stored import TransactionReader
from services.common.settings import KafkaSettings, ModelFolder, ProcessSettings, TopicSettings
from services.sink import metrics
from services.sink.loop import SinkState, run
from services.sink.read import SinkSource
from services.sink.rejects import RejectLimits
from services.sink.settings import SinkSettings
from services.sink.write import MartWriter

SWITCH_SECONDS = 0.0005
"""How long the thread that decodes may hold the GIL while the one that writes waits for it. With Python's default of
5 ms the database was idle at the end of each block of 32 KiB.
"""


def main() -> int:
    """Run the sink; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m services.sink", description=__doc__)
    parser.add_argument("--until-empty", action="store_true", help="end when everything is stored")
    arguments = parser.parse_args()
    configure_logs("sink")
    try:
        _run(until_empty=arguments.until_empty)
    except FraudError as error:
        get_logger().critical("stopped", reason=str(error))
        return 1
    return 0


def _run(*, until_empty: bool) -> None:
    settings, process = SinkSettings.read(), ProcessSettings.read()
    kafka, topics = KafkaSettings.read(), TopicSettings.read()
    reader = TransactionReader(read_contract(ModelFolder.read().scorer_model_dir))
    raise_gc_threshold()
    sys.setswitchinterval(SWITCH_SECONDS)
    start_malloc_trim()
    stop = StopSignal.install()
    watchdog = Watchdog(settings.watchdog_ms / 1000).start()
    instance = InstanceId.claim(process.state_dir, settings.group_id)
    state = SinkState()
    source: SinkSource | None = None

    def ready() -> bool:
        return state.writing and source is not None and source.ready

    serve_probes(process.probe_host, settings.probe_port, live=lambda: watchdog.healthy, ready=ready)
    metrics.SINCE_PROGRESS.set_function(lambda: watchdog.seconds_since_fed)
    metrics.READY.set_function(ready)
    get_logger().info("started", member=instance.name, timeouts_ms=settings.timeouts_ms)

    def wait(seconds: float) -> bool:
        watchdog.feed()
        return stop.wait(seconds)

    cluster_id = wait_for_cluster(kafka, wait)
    if cluster_id is None:
        return  # asked to stop

    def open_mart() -> closing[MartWriter]:
        return closing(MartWriter.connect(cluster_id, settings.statement_timeout_ms, watchdog.feed))

    names = [topics.scores, topics.transactions, topics.alerts, topics.models]
    limits = RejectLimits.of(names, settings)
    source = SinkSource(kafka, settings, names, instance.name)
    lag_reader = LagReader(kafka, settings.group_id)
    lag_watch = LagWatch(lag_reader, lambda: source.done_offsets, metrics.LAG, metrics.LAG_SECONDS).start()
    try:
        with source:
            run(source, open_mart, topics, reader, limits, stop, watchdog, state, until_empty=until_empty)
    finally:
        lag_watch.close()
    get_logger().info("ended")


if __name__ == "__main__":
    sys.exit(main())
