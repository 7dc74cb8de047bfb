"""Kafka as an installation needs it: brokers, topics, groups and how far behind they are. Changes nothing."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing
from functools import cached_property
from typing import Any

from confluent_kafka import KafkaException

from services.common.kafka.lag import GroupPosition, edges
from services.common.kafka.offsets import BrokerQuery, Partition
from services.common.settings import KafkaSettings, TopicSettings
from services.tools.doctor.finding import Finding, fail, ok, warn
from services.tools.transactions.endless import TransactionAdmin
from services.topics.align import Config, describe
from services.topics.shape import shapes

TIMEOUT_SECONDS = 10.0
MAKE_TOPICS = "make topics, or docker compose run --rm topics"


class Cluster:
    """The brokers, asked once for each thing."""

    def __init__(self, kafka: KafkaSettings, topics: TopicSettings) -> None:
        self._kafka, self._query = kafka, BrokerQuery(kafka)
        self._address = kafka.bootstrap_servers
        self._topics = topics
        self._shapes = shapes(topics)
        self.names = list(self._shapes)

    @cached_property
    def metadata(self) -> Any:
        """Brokers and topics.

        Raises:
            KafkaException: nobody answers.
        """
        return self._query.ask(lambda admin: admin.list_topics(timeout=TIMEOUT_SECONDS))

    @property
    def cluster_id(self) -> str:
        """The id of the cluster."""
        return str(self.metadata.cluster_id)

    @property
    def partitions(self) -> list[Partition]:
        """The partitions of our topics that are there."""
        there = [name for name in self.names if name in self.metadata.topics]
        return [(name, partition) for name in there for partition in self.metadata.topics[name].partitions]

    @property
    def lows(self) -> Mapping[Partition, int]:
        """The low watermark of each partition."""
        return self._edges[0]

    @property
    def ends(self) -> Mapping[Partition, int]:
        """The end of each partition."""
        return self._edges[1]

    @cached_property
    def _edges(self) -> tuple[dict[Partition, int], dict[Partition, int]]:
        return edges(self._query, self.partitions)

    def check_reachable(self) -> Iterator[Finding]:
        """Say whether brokers answer."""
        try:
            count = len(self.metadata.brokers)
        except KafkaException as error:
            fix = "start Kafka (make up, docker compose up), or set KAFKA_BOOTSTRAP_SERVERS and KAFKA_CONF_…"
            yield fail("kafka", f"no broker answers at {self._address}: {error.args[0].name()}", fix)
        else:
            yield ok("kafka", f"{count} of {self._address} answer" if count > 1 else f"answers at {self._address}")

    def check_topics(self) -> Iterator[Finding]:
        """Say which topics are missing, differ in partitions, or have too few copies that are up to date."""
        topics = self.metadata.topics
        if missing := [name for name in self.names if name not in topics]:
            yield fail("topics", f"missing: {', '.join(missing)}", MAKE_TOPICS)
        counts = {name: len(topics[name].partitions) for name in self.names if name in topics}
        transactions, history = counts.get(self._topics.transactions), counts.get(self._topics.history)
        if None not in {transactions, history} and transactions != history:
            text = f"{self._topics.transactions} has {transactions} partitions, {self._topics.history} {history}"
            yield fail("topics", text, "stop the scorers, then make topics ARGS=--grow")
        elif other := {name: count for name, count in counts.items() if self._is_other(name, count)}:
            text = f"partitions differ from TOPIC_PARTITIONS={self._topics.partitions}: {other}"
            yield warn("topics", text, "set TOPIC_PARTITIONS to what there is, or make topics ARGS=--grow")
        behind = [f"{name}/{number}" for name, number in self.partitions if self._is_behind(name, number)]
        if behind:
            yield warn("topics", f"copies are behind: {', '.join(behind[:5])}", "bring the missing broker back")
        if not missing and not behind:
            yield ok("topics", f"{len(counts)} with {sum(counts.values())} partitions")

    def check_settings(self) -> Iterator[Finding]:
        """Say which topics have settings with which the history or messages are lost."""
        there = [name for name in self.names if name in self.metadata.topics]
        found = self._query.ask(lambda admin: describe(admin, there))
        others = {name: _others(found[name], shape.required) for name, shape in self._shapes.items() if name in found}
        for name, differing in others.items():
            if policy := differing.get("cleanup.policy"):
                text = f"{name} has cleanup.policy={policy}, not {self._shapes[name].required['cleanup.policy']}"
                yield fail("topics", f"{text}: what services need is lost after a while", MAKE_TOPICS)
        if by_producer := [name for name, differing in others.items() if "message.timestamp.type" in differing]:
            names = ", ".join(by_producer)
            text = f"retention counts from the producers' own time of a message, not from its arrival: {names}"
            yield warn("topics", f"{text}; messages of years ago are removed before they are read", MAKE_TOPICS)

    def check_transactions(self) -> Iterator[Finding]:
        """Name the Kafka transactions that nobody will end."""
        with closing(TransactionAdmin(self._kafka)) as admin:
            found = admin.find(admin.partitions(self.names))
        for one in found:
            yield fail("transactions", str(one), "make transactions, then make transactions ARGS=--go")
        if not found:
            yield ok("transactions", "each open Kafka transaction has a coordinator that will end it")

    def check_group(self, service: str, group: str, topics: Iterable[str], limit: int) -> Iterator[Finding]:
        """Say whether somebody reads for a service, and how many messages it is behind."""
        logs = f"make logs SERVICE={service}"
        members = self._query.members(group)
        behind = self._behind(group, set(topics))
        if not members:
            yield fail(
                "lag", f"nobody reads in the group {group}; {behind:,} messages wait", f"start {service}; {logs}"
            )
        elif behind > limit:
            fix = f"more of them (--scale {service}=2), up to the number of partitions; {logs}"
            yield warn("lag", f"{service} is {behind:,} messages behind", fix)
        else:
            yield ok("lag", f"{service}: {members} in the group {group}, {behind:,} messages behind")

    def check_dead_letters(self) -> Iterator[Finding]:
        """Say whether there are dead letters."""
        topic = self._topics.dead_letters
        count = sum(self.ends[at] - low for at, low in self.lows.items() if at[0] == topic)
        if count:
            yield warn("dead letters", f"up to {count:,} records in {topic}", "make dlq ARGS=inspect")
        else:
            yield ok("dead letters", f"none in {topic}")

    def _is_other(self, name: str, count: int) -> bool:
        """Return whether a topic has another count than is set; that of the models has one partition, always."""
        return count != self._shapes[name].partitions

    def _is_behind(self, topic: str, partition: int) -> bool:
        about = self.metadata.topics[topic].partitions[partition]
        return len(about.isrs) < len(about.replicas)

    def _behind(self, group: str, topics: Collection[str]) -> int:
        wanted = [at for at in self.partitions if at[0] in topics]
        try:
            committed = self._query.committed(group, wanted, TIMEOUT_SECONDS)
        except KafkaException:
            committed = {}
        return sum(GroupPosition(self.lows[at], self.ends[at], committed.get(at)).behind for at in wanted)


def _others(config: Config, required: Mapping[str, str]) -> dict[str, str]:
    """Return the required settings that a topic has otherwise, and how."""
    return {name: str(config[name].value) for name, value in required.items() if config[name].value != value}
