"""Static members of a cooperative group that end while they owe partitions to another one, against a real broker."""

import contextlib
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Consumer, ConsumerGroupState, KafkaException
from confluent_kafka.admin import AdminClient

from services.common.errors import Retry
from services.common.kafka.closing import Membership
from services.common.settings import KafkaSettings, TopicSettings
from services.scorer.read import TransactionSource
from services.scorer.settings import ScorerSettings
from tests.support.processes import wait_for

SESSION_MS = 60_000
"""Longer than any of these tests wait: nothing is reassigned."""

Owned = dict[str, set[int]]
"""Member -> the partitions it was given, as the broker knows them."""


class Plain:
    """A member that reads nothing; it may be closed again."""

    def __init__(self, consumer: Consumer, topic: str) -> None:
        self.consumer = consumer
        self._membership = Membership(consumer, Consumer.incremental_assign, lambda *_: None)
        self._membership.subscribe([topic])

    def close(self) -> None:
        """End without answering what the group asks for, as a kill would."""
        self._membership.close(answer_seconds=0)


@pytest.fixture
def owned(kafka: str, topics: TopicSettings) -> Callable[[], Owned]:
    """Ask who owns what; of a group that is rebalancing, or not known yet, nothing."""
    admin, group = AdminClient({"bootstrap.servers": kafka}), topics.transactions

    def ask() -> Owned:
        try:
            found = admin.describe_consumer_groups([group], request_timeout=3)[group].result()
        except KafkaException:
            return {}
        if found.state != ConsumerGroupState.STABLE:
            return {}
        return {
            m.group_instance_id: {place.partition for place in m.assignment.topic_partitions} for m in found.members
        }

    return ask


@pytest.fixture
def join(kafka: str, topics: TopicSettings) -> Iterator[Callable[[str], TransactionSource]]:
    """Make a member of the product, by name."""
    sources: list[TransactionSource] = []

    def make(name: str) -> TransactionSource:
        settings = ScorerSettings(group_id=topics.transactions, session_timeout_ms=SESSION_MS)
        sources.append(TransactionSource(KafkaSettings(bootstrap_servers=kafka), settings, [topics.transactions], name))
        return sources[-1]

    yield make
    for source in sources:
        source.close()


@pytest.fixture
def plain_join(kafka: str, topics: TopicSettings) -> Iterator[Callable[[str], Plain]]:
    """Make a member that does what librdkafka does by itself, and nothing more, by name."""
    members: list[Plain] = []

    def make(name: str) -> Plain:
        consumer = Consumer(
            {
                "bootstrap.servers": kafka,
                "group.id": topics.transactions,
                "group.instance.id": name,
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": SESSION_MS,
            }
        )
        members.append(Plain(consumer, topics.transactions))
        return members[-1]

    yield make
    for member in members:
        member.close()


def test_what_a_killed_member_owed_finds_an_owner(
    topics: TopicSettings,
    owned: Callable[[], Owned],
    join: Callable[[str], TransactionSource],
    plain_join: Callable[[str], Plain],
) -> None:
    """Its next process is given the old place without a rebalance: it sees what is missing, and brings one about."""
    everything = set(range(topics.partitions))
    victim = plain_join("victim")
    wait_for(lambda: _assigned(victim) == everything, 60)
    other = _wait_in_vain(plain_join, owned)
    victim.close()  # as a kill: it does not leave the group, nor join again

    again = join("victim")

    def whole() -> bool:
        _assigned(other)
        _positioned(again)
        return set().union(*owned().values()) == everything

    wait_for(whole, 60, lambda: str(owned()))


@pytest.mark.slow
def test_a_member_that_ends_gives_up_before_what_it_owes(
    topics: TopicSettings,
    owned: Callable[[], Owned],
    join: Callable[[str], TransactionSource],
    plain_join: Callable[[str], Plain],
) -> None:
    """So its next process, which looks for nothing, comes in the middle of a rebalance, and all is shared out."""
    everything = set(range(topics.partitions))
    leaver = join("leaver")
    wait_for(lambda: _positioned(leaver) == everything, 60)
    other = _wait_in_vain(plain_join, owned)

    leaver.close()

    again = plain_join("leaver")
    wait_for(lambda: _assigned(other) | _assigned(again) == everything, 60, lambda: str(owned()))


def _wait_in_vain(plain_join: Callable[[str], Plain], owned: Callable[[], Owned]) -> Plain:
    """Return a new member that was given nothing: who has everything was told to give up, and does not read."""
    other = plain_join("other")
    wait_for(lambda: not _assigned(other) and owned().get("other") == set(), 60)
    return other


def _assigned(member: Plain) -> set[int]:
    """Let a member read for a moment; return the partitions it has."""
    member.consumer.poll(0.1)
    return {place.partition for place in member.consumer.assignment()}


def _positioned(source: TransactionSource) -> set[int]:
    """Let a member read for a moment; return the partitions it reads. A topic may be too new for a broker to know."""
    with contextlib.suppress(Retry):
        source.read()
    return set(source.partitions)
