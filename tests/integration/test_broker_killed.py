"""A broker is killed (SIGKILL) under services that run, and comes back: their figures of lag come back too."""

import re
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest

from conftest import Start
from services.common.kafka.lag import GroupOffsets
from services.common.settings import KafkaSettings, TopicSettings
from stack.kafka import SHORT_LIVED
from stack.servers import KafkaServer, kafka_server
from tests.support.messages import nested
from tests.support.processes import ROOT, ServiceProcess, wait_for
from tests.support.topics import produce

GAUGES = ("consumer_lag", "consumer_lag_seconds")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaServer]:
    """A broker of this module alone."""
    with kafka_server(tmp_path_factory.mktemp("killed"), flags=SHORT_LIVED) as server:
        yield server


@pytest.fixture(scope="module")
def kafka(broker: KafkaServer) -> str:
    return broker.bootstrap


def lags(service: ServiceProcess, name: str, gauge: str) -> dict[str, float]:
    """Return topic/partition -> value of a gauge."""
    pattern = re.compile(rf'fraud_{name}_{gauge}{{partition="(\d+)",topic="([^"]+)"}}')
    found = {pattern.fullmatch(series): value for series, value in service.metrics().items()}
    return {f"{match[2]}/{match[1]}": value for match, value in found.items() if match}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_lag_is_told_again_after_each_kill(
    broker: KafkaServer, kafka: str, topics: TopicSettings, start: Start, mart: psycopg.Connection[object]
) -> None:
    """Of every partition, by scorer, sink and page, while the processes go on; and it is the true one."""
    # A sink ends when its coordinator was away for longer than its session (docs/operations.md), and this waits.
    sink = start("sink", SINK_SESSION_TIMEOUT_MS="60000")
    services = {"scorer": start("scorer").wait_ready(60), "sink": sink.wait_ready(60)}
    page = GroupOffsets(KafkaSettings(bootstrap_servers=kafka), {topics.transactions: f"scorer-{topics.transactions}"})
    partitions = {"scorer": 6, "sink": 3 * 6 + 1}

    def told() -> dict[str, list[int]]:
        return {name: [len(lags(service, name, gauge)) for gauge in GAUGES] for name, service in services.items()}

    everything = {name: [count, count] for name, count in partitions.items()}
    nothing = {name: [0, 0] for name in services}
    for kill in range(3):
        if kill:
            broker.kill()
            wait_for(lambda: page.read() is None and told() == nothing, 60, lambda: f"{told()}")
            broker.start()
        produce(kafka, topics.transactions, [nested(f"{kill}-{n}") for n in range(20)])
        wait_for(lambda: told() == everything, 60, lambda: f"{told()} instead of {everything}")
        wait_for(page.read, 30)
        wait_for(lambda: sum(lags(services["scorer"], "scorer", "consumer_lag").values()) == 0, 60)
        assert {service.process.poll() for service in services.values()} == {None}

    services["scorer"].kill()
    produce(kafka, topics.transactions, [nested(f"waits-{n}") for n in range(5)])
    standings = page.read() or {}
    assert sum(standing.end - (standing.committed or standing.low) for standing in standings.values()) >= 5


@pytest.mark.slow
def test_a_coordinator_that_comes_back_does_not_abort_who_asked_for_it(kafka: str, topics: TopicSettings) -> None:
    """A request that librdkafka lets time out would: see docs/reproductions/coordinator_request_aborts.py."""
    command = [sys.executable, "-m", "tests.support.waits_for_coordinator", kafka, "nobody", topics.transactions]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout.splitlines()[-1:]) == (0, ["members: 0"]), ran.stderr
