"""Three brokers: one may die at any time, and while two are unavailable nothing is written that could be lost."""

import time

from confluent_kafka.admin import AdminClient

from stack.servers import KafkaServer
from tests.faults.pipeline import Pipeline
from tests.support.processes import wait_for
from tests.support.topics import lacking_copies

Cluster = dict[int, KafkaServer]


def wait_for_copies(pipeline: Pipeline) -> None:
    """Wait until every copy of every partition keeps up."""
    wait_for(
        lambda: not lacking_copies(pipeline.bootstrap),
        60 * pipeline.slack,
        lambda: f"{lacking_copies(pipeline.bootstrap)} partitions lack a copy",
    )


def test_each_broker_is_killed_in_turn(pipeline: Pipeline, cluster: Cluster, long: bool) -> None:
    """kill -9 of the group's coordinator, of a partition's leader, of the rest: the other two go on without it."""
    admin = AdminClient({"bootstrap.servers": pipeline.bootstrap})
    pipeline.start(scorers=2)
    group = pipeline.group("scorer")
    coordinator = admin.describe_consumer_groups([group])[group].result(10).coordinator.id
    victims = sorted(cluster, key=lambda number: (number != coordinator, pipeline.random.random()))
    with pipeline.load():
        for number in victims * (4 if long else 1):
            wait_for_copies(pipeline)
            pipeline.inflict("kill -9 broker of three")
            cluster[number].kill()
            pipeline.recovered("broker of three unavailable", time.monotonic(), within=60)
            cluster[number].start()
            pipeline.recovered("broker", time.monotonic(), within=60)
        wait_for_copies(pipeline)

    pipeline.check()


def test_two_brokers_are_away(pipeline: Pipeline, cluster: Cluster) -> None:
    """One copy is not enough to acknowledge anything: all waits, and goes on when a second one is back."""
    pipeline.start(scorers=2)
    first, second = pipeline.random.sample(sorted(cluster), 2)
    with pipeline.load():
        wait_for_copies(pipeline)
        for number in (first, second):
            pipeline.inflict("kill -9 broker of three")
            cluster[number].kill()
        pipeline.pause(10, 10)
        seen = len(pipeline.watcher.seen)
        pipeline.pause(3, 3)
        assert len(pipeline.watcher.seen) == seen, "scores were committed with one copy"
        cluster[first].start()
        pipeline.recovered("broker", time.monotonic(), within=90)
        cluster[second].start()
        wait_for_copies(pipeline)

    pipeline.check()
