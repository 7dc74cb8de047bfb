"""A cluster of three brokers instead of the one: three copies of everything, two of which must be there to write."""

import contextlib
import itertools
from collections.abc import Iterator

import pytest

from services.common.settings import KafkaSettings, TopicSettings
from services.topics.__main__ import make_topics
from stack.kafka import HOST, SHORT_LIVED, kafka_service, make_cluster_id, prepare_kafka
from stack.ports import free_port
from stack.servers import KafkaServer, running
from stack.settings import StackSettings
from tests.faults.slack import slack
from tests.support.processes import wait_for

BROKERS, HEAP = (1, 2, 3), "384m"

COPIES = {
    "default.replication.factor": "3",
    "min.insync.replicas": "2",
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "share.coordinator.state.topic.replication.factor": "3",
    "share.coordinator.state.topic.min.isr": "2",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    # As in docker-compose.brokers.yml, and for its reasons.
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": f"{6000 * slack():.0f}",
    "controller.quorum.election.timeout.ms": f"{3000 * slack():.0f}",
    "controller.quorum.fetch.timeout.ms": f"{6000 * slack():.0f}",
}

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, KafkaServer]]:
    """Three brokers that are controllers too: number -> broker."""
    jars, cluster_id = StackSettings.read().jars, make_cluster_id()
    controllers = {number: free_port() for number in BROKERS}
    servers = {}
    for number in BROKERS:
        home, port = tmp_path_factory.mktemp(f"kafka-{number}"), free_port()
        own = {
            "node.id": str(number),
            "controller.quorum.voters": ",".join(f"{n}@{HOST}:{controllers[n]}" for n in BROKERS),
            "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controllers[number]}",
        }
        prepare_kafka(home, port, jars, properties=COPIES | own, cluster_id=cluster_id)
        service = kafka_service(home, port, jars, HEAP, flags=SHORT_LIVED)
        servers[number] = KafkaServer(service, home / "kafka.log", bootstrap=service.address)
    with contextlib.ExitStack() as stack:
        for server in servers.values():
            server.launch()  # none is ready before a second one is there
        for server in servers.values():
            stack.enter_context(running(server))
        yield servers


@pytest.fixture
def kafka(cluster: dict[int, KafkaServer]) -> str:
    """host:port of all brokers, which are all there."""
    for server in cluster.values():
        if server.process is None:
            server.start()
    wait_for(lambda: all(server.service.ready() for server in cluster.values()), 60)
    return ",".join(server.bootstrap for server in cluster.values())


@pytest.fixture
def topics(kafka: str) -> TopicSettings:
    """Fresh topics of this test alone, three copies of each."""
    number = next(_numbers)
    settings = TopicSettings(
        transactions=f"transactions-{number}",
        scores=f"scores-{number}",
        alerts=f"alerts-{number}",
        dead_letters=f"transactions-{number}.dlq",
        history=f"scorer-{number}.history",
        replication_factor=3,
    )
    make_topics(KafkaSettings(bootstrap_servers=kafka), settings)
    return settings
