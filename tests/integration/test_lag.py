"""services.common.kafka.lag against a real broker."""

import itertools
import time
from collections.abc import Iterator, Mapping

import pytest
from confluent_kafka import KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # re-exported without saying so

from services.common.kafka.lag import Lag, LagReader
from services.common.kafka.offsets import Partition
from services.common.settings import KafkaSettings, TopicSettings
from tests.support.processes import wait_for

AGE_SECONDS = 90

_numbers = itertools.count(1)


@pytest.fixture
def reader(kafka: str) -> Iterator[LagReader]:
    lag_reader = LagReader(KafkaSettings(bootstrap_servers=kafka), "lag-test")
    yield lag_reader
    lag_reader.close()


@pytest.fixture
def topics(kafka: str) -> TopicSettings:
    """Topics in which messages have the age that a test gives them, not that of their arrival."""
    number = next(_numbers)
    settings = TopicSettings(transactions=f"lag-{number}-transactions", scores=f"lag-{number}-scores")
    config = {"message.timestamp.type": "CreateTime"}
    new = [NewTopic(name, 6, 1, config=config) for name in (settings.transactions, settings.scores)]
    admin = AdminClient({"bootstrap.servers": kafka})
    for future in admin.create_topics(new, operation_timeout=30).values():
        future.result()
    return settings


def lag_of(reader: LagReader, places: Mapping[Partition, int], seconds: float = 30) -> dict[Partition, Lag]:
    """Read until all partitions answer: those of a new topic may not have found their leader."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = reader.read(places)
        except KafkaException:
            found = {}
        if found.keys() == places.keys() or time.monotonic() > deadline:
            return found
        time.sleep(0.5)


def write(kafka: str, topic: str, count: int, *, age_seconds: float = AGE_SECONDS, commit: bool | None = None) -> None:
    """Write messages of an age; in a Kafka transaction if `commit` says how it is to end."""
    own = {} if commit is None else {"transactional.id": f"lag-{topic}"}
    producer = Producer({"bootstrap.servers": kafka, **own})
    if commit is not None:
        producer.init_transactions(30)
        producer.begin_transaction()
    for _ in range(count):
        producer.produce(topic, b"x", partition=0, timestamp=int((time.time() - age_seconds) * 1000))
    assert producer.flush(30) == 0
    if commit is not None:
        (producer.commit_transaction if commit else producer.abort_transaction)(30)


def test_lag_is_what_is_not_finished_and_the_age_of_its_oldest(
    kafka: str, topics: TopicSettings, reader: LagReader
) -> None:
    """Not the age of the newest, and not the time since something was finished."""
    place = (topics.transactions, 0)
    write(kafka, topics.transactions, 3)
    write(kafka, topics.transactions, 2, age_seconds=5)

    found = {offset: lag_of(reader, {place: offset})[place] for offset in (0, 2, 3, 5)}

    assert [found[offset].messages for offset in (0, 2, 3, 5)] == [5, 3, 2, 0]
    assert AGE_SECONDS <= found[0].seconds < AGE_SECONDS + 60
    assert AGE_SECONDS <= found[2].seconds < AGE_SECONDS + 60
    assert 5 <= found[3].seconds < 65
    assert found[5].seconds == 0


def test_what_retention_has_removed_is_not_behind(kafka: str, topics: TopicSettings, reader: LagReader) -> None:
    """Lag is counted from the low watermark, though the group stands below it."""
    place = (topics.transactions, 0)
    write(kafka, topics.transactions, 10)
    admin = AdminClient({"bootstrap.servers": kafka})
    removed = admin.delete_records([TopicPartition(*place, 8)])
    assert next(iter(removed.values())).result(30).low_watermark == 8

    assert lag_of(reader, {place: 3})[place].messages == 2


@pytest.mark.parametrize("commit", [True, False])
def test_markers_and_aborted_messages_alone_are_no_lag(
    commit: bool, kafka: str, topics: TopicSettings, reader: LagReader
) -> None:
    """The end of a topic written in Kafka transactions lies behind its last message."""
    place = (topics.scores, 0)
    write(kafka, topics.scores, 4, commit=commit)

    assert lag_of(reader, {place: 4 if commit else 0}) == {place: Lag(0, 0.0)}
    write(kafka, topics.scores, 1, commit=True)
    start = 4 if commit else 0
    wait_for(
        lambda: lag_of(reader, {place: start})[place].messages > 0, 20
    )  # the marker comes after the commit's answer


def test_partitions_are_told_apart(kafka: str, topics: TopicSettings, reader: LagReader) -> None:
    """Each has its own lag, asked one after another by one client."""
    write(kafka, topics.transactions, 6)
    places = {(topics.transactions, partition): 0 for partition in range(3)}

    found = lag_of(reader, places)

    assert [found[place].messages for place in places] == [6, 0, 0]
