"""What the fault suite adds to the fixtures of a pipeline: a broker behind a proxy, and an end when time is up."""

import os
import time
from collections.abc import Iterator
from random import Random

import pytest

from stack.kafka import SHORT_LIVED
from stack.ports import free_port
from stack.servers import KafkaServer, kafka_server
from tests.faults.fixtures import ENDS, SEED, long, pipeline, pytest_report_header
from tests.support.proxy import Proxy

__all__ = ["long", "pipeline", "pytest_report_header"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take the cases in another order each time if there may not be time for all of them."""
    if os.environ.get(ENDS):
        Random(os.environ[SEED]).shuffle(items)


def pytest_runtest_setup() -> None:
    """Begin no case when time is up."""
    if time.time() > float(os.environ.get(ENDS) or "inf"):
        pytest.skip("time is up")


@pytest.fixture(scope="session")
def broker_proxy() -> Iterator[Proxy]:
    """A proxy whose address a listener of the broker advertises: who comes through it stays behind it."""
    with Proxy(free_port()) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory, broker_proxy: Proxy) -> Iterator[KafkaServer]:
    """A real broker that looks for timed-out Kafka transactions every second instead of every ten."""
    proxied = broker_proxy.target_port
    properties = {
        "listeners": f"PLAINTEXT://{{host}}:{{port}},PROXY://{{host}}:{proxied},CONTROLLER://{{host}}:{{controller_port}}",
        "advertised.listeners": f"PLAINTEXT://{{host}}:{{port}},PROXY://{{host}}:{broker_proxy.port}",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXY:PLAINTEXT",
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    }
    with kafka_server(
        tmp_path_factory.mktemp("kafka"), heap="768m", flags=SHORT_LIVED, properties=properties
    ) as server:
        yield server
