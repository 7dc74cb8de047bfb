"""Changes of topics that exist, by the command as a person runs it, against a real Kafka."""

import orjson
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from conftest import Start
from services.common.settings import TopicSettings
from tests.support.messages import nested
from tests.support.processes import wait_for
from tests.support.topics import produce, read_all

SHORT = {"SCORER_SESSION_TIMEOUT_MS": "6000"}


def change(start: Start, topics: TopicSettings, *arguments: str, exit_code: int = 0, partitions: int = 6) -> str:
    """Run the command for the scorers of this test; return what it printed."""
    env = SHORT | {"TOPIC_PARTITIONS": str(partitions), "SCORER_GROUP_ID": f"scorer-{topics.transactions}"}
    command = start("topics", *arguments, **env)
    assert command.finish() == exit_code, command.text()
    return command.text()


def counts(kafka: str, topics: TopicSettings) -> list[int]:
    """Return the partitions of each topic, once the broker knows of all: a new one shows a moment later."""
    admin = AdminClient({"bootstrap.servers": kafka})
    names = (topics.transactions, topics.scores, topics.alerts, topics.dead_letters, topics.history)
    wait_for(lambda: admin.list_topics(timeout=10).topics.keys() >= set(names), 10, lambda: "a topic is not there")
    found = admin.list_topics(timeout=10).topics
    return [len(found[name].partitions) for name in names]


def scores(kafka: str, topics: TopicSettings) -> list[tuple[str, float]]:
    bodies = [orjson.loads(message.value() or b"") for message in read_all(kafka, topics.scores)]
    return sorted((body["transaction_id"], body["score"]) for body in bodies)


@pytest.mark.slow
def test_partitions_are_raised_and_the_history_is_rebuilt(kafka: str, topics: TopicSettings, start: Start) -> None:
    """All topics have one count again, the scorer starts, and what was not scored before is scored after."""
    produce(kafka, topics.transactions, [nested(f"{n}") for n in range(10)])
    assert start("scorer", "--until-empty", **SHORT).finish() == 0
    produce(kafka, topics.transactions, [nested(f"late-{n}") for n in range(10)])

    told = change(start, topics, "--grow", partitions=9)

    assert counts(kafka, topics) == [9, 9, 9, 9, 9]
    assert "history_deleted" in told
    assert read_all(kafka, topics.history) == []
    producer = Producer({"bootstrap.servers": kafka, "partitioner": "murmur2_random"})
    for n in range(90):
        producer.produce(topics.transactions, nested(f"new-{n}"), f"{n}".encode())
    assert producer.flush(10) == 0
    assert start("scorer", "--until-empty", **SHORT).finish() == 0
    assert len(read_all(kafka, topics.scores)) == len({m.key() for m in read_all(kafka, topics.scores)}) == 110
    assert "history_deleted" not in change(start, topics, "--grow", partitions=9)


def test_partitions_are_not_taken_away(kafka: str, topics: TopicSettings, start: Start) -> None:
    """Kafka cannot, and nothing is changed by halves."""
    assert "partitions cannot be removed" in change(start, topics, "--grow", exit_code=1, partitions=3)
    assert counts(kafka, topics) == [6, 6, 6, 6, 6]


@pytest.mark.slow
def test_nothing_is_changed_under_a_running_scorer(kafka: str, topics: TopicSettings, start: Start) -> None:
    """It would go on with a history that is gone."""
    scorer = start("scorer", **SHORT).wait_ready()

    told = change(start, topics, "--grow", "--new-history", "--rescore", exit_code=1, partitions=9)

    assert "1 scorers are still in the group" in told
    assert counts(kafka, topics) == [6, 6, 6, 6, 6]
    assert scorer.terminate() == 0


@pytest.mark.slow
def test_a_history_is_rebuilt_from_the_messages_there_are(kafka: str, topics: TopicSettings, start: Start) -> None:
    """With --rescore every message is scored again, with the same result as the first time."""
    times = [f"2019-09-14 0{hour}:00" for hour in range(9)]
    produce(kafka, topics.transactions, [nested(time, transaction_time=time) for time in times])
    assert start("scorer", "--until-empty", **SHORT).finish() == 0
    first = scores(kafka, topics)
    remembered = sum(len(message.value() or b"") for message in read_all(kafka, topics.history))

    change(start, topics, "--new-history", "--rescore")
    assert read_all(kafka, topics.history) == []
    assert start("scorer", "--until-empty", **SHORT).finish() == 0

    assert len(set(first)) == len(first) == 9
    assert scores(kafka, topics) == sorted(first * 2)
    assert sum(len(message.value() or b"") for message in read_all(kafka, topics.history)) == remembered
