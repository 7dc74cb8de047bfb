"""Replays of the scorer's dead letters, by the command as a person runs it, against a real Kafka."""

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Message, Producer

from conftest import Start
from services.common.errors import Reason, Reject
from services.common.settings import TopicSettings
from tests.support.letters import reject_good_ones, write_letters
from tests.support.messages import nested
from tests.support.processes import ServiceProcess, wait_for
from tests.support.topics import headers, produce, read_all


def dlq(start: Start, *arguments: str, exit_code: int = 0, **env: str) -> str:
    """Run the command to its end; return what it printed."""
    command = start("dlq", *arguments, **env)
    assert command.finish() == exit_code, command.text()
    return command.text()


def replays(kafka: str, topics: TopicSettings) -> list[Message]:
    """Return the messages of `transactions` that came out of the dead letters."""
    return [m for m in read_all(kafka, topics.transactions) if "__fraud.errors.replayed_from" in headers(m)]


def test_inspect_tells_what_was_rejected_and_why(
    kafka: str, topics: TopicSettings, start: Start, mart: "psycopg.Connection[tuple[object, ...]]"
) -> None:
    """Counts by reason and field, an example of each with its place, and no payload unless it is asked for."""
    bad = [nested(f"bad-{n}", amount="much") for n in range(3)]
    produce(kafka, topics.transactions, [*bad, b"{", nested("good")])
    assert start("scorer", "--until-empty").finish() == 0

    told = dlq(start, "inspect")

    rows = [line.split()[:4] for line in told.splitlines()]
    assert "4 rejected, 0 of them already replayed" in told
    assert ["3", "0", "bad_type", "amount"] in rows
    assert ["1", "0", "bad_json", "-"] in rows
    assert "bad_type of amount: expected a number, got text that is not a number" in told
    assert "id bad-0" in told
    assert "Ada" not in told
    assert '"amount":"much"' in dlq(start, "inspect", "--show", "--reason", "bad_type")
    assert "0 rejected" in dlq(start, "inspect", "--reason", "too_large")
    assert "0 rejected" in dlq(start, "inspect", "--until", "1h")
    assert "0 records rejected by the sink" in told
    assert "sink_rejects could not be counted: PostgreSQL: " in dlq(start, "inspect", PGPORT="1")


@pytest.mark.slow
def test_a_dry_run_sends_nothing(kafka: str, topics: TopicSettings, start: Start) -> None:
    """It says what would be sent."""
    produce(kafka, topics.transactions, [nested("a"), nested("b")])
    reject_good_ones(kafka, topics)

    told = dlq(start, "replay")

    assert f"2 would be sent to {topics.transactions}" in told
    assert "nothing was changed; add --go" in told
    assert replays(kafka, topics) == []
    assert len(read_all(kafka, topics.dead_letters)) == 2


def test_a_replayed_record_is_the_one_that_was_rejected(kafka: str, topics: TopicSettings, start: Start) -> None:
    """Key, bytes and headers are the same, it lands in the same partition, and it is scored."""
    producer = Producer({"bootstrap.servers": kafka, "partitioner": "murmur2_random"})
    for n in range(20):
        producer.produce(
            topics.transactions, nested(f"{n}"), f"customer-{n}".encode(), headers=[("traceparent", b"00")]
        )
    assert producer.flush(10) == 0
    sources = {message.value(): message for message in reject_good_ones(kafka, topics)}

    told = dlq(start, "replay", "--go")

    assert f"20 sent to {topics.transactions}" in told
    found = replays(kafka, topics)
    assert len(found) == len(sources) == 20
    for message in found:
        source = sources[message.value()]
        assert (message.key(), message.partition()) == (source.key(), source.partition())
        assert headers(message).pop("traceparent") == "00"
        assert headers(message)["__fraud.errors.attempts"] == "1"
        assert headers(message)["__fraud.errors.first_seen"] == str(source.timestamp()[1])
    assert start("scorer", "--until-empty").finish() == 0
    keys = Counter(message.key() for message in read_all(kafka, topics.scores))
    assert keys == Counter({f"{n}".encode(): 2 for n in range(20)})


@pytest.mark.slow
def test_what_was_replayed_is_not_replayed_again(kafka: str, topics: TopicSettings, start: Start) -> None:
    """A selection leaves gaps, and each letter is remembered for itself."""
    produce(kafka, topics.transactions, [nested(f"{n}") for n in range(10)])
    messages = read_all(kafka, topics.transactions)
    write_letters(kafka, topics, messages[::2], Reject(Reason.BAD_TYPE, "amount", "a"))
    write_letters(kafka, topics, messages[1::2], Reject(Reason.BAD_TIME, "transaction_time", "b"))

    assert "5 sent" in dlq(start, "replay", "--go", "--reason", "bad_type")
    told = dlq(start, "replay", "--go", "--reason", "bad_type")
    assert "0 sent" in told
    assert "5 skipped: already replayed" in told
    everything = dlq(start, "replay", "--go")

    assert "5 sent" in everything
    assert "10 rejected, 10 of them already replayed" in dlq(start, "inspect")
    assert Counter(m.value() for m in replays(kafka, topics)) == Counter(m.value() for m in messages)


@pytest.mark.slow
def test_a_range_of_offsets_is_a_range_of_the_records_own_topic(
    kafka: str, topics: TopicSettings, start: Start
) -> None:
    """As the logs and `inspect` name it; both ends are included."""
    produce(kafka, topics.transactions, [nested(f"{n}") for n in range(10)])
    messages = reject_good_ones(kafka, topics)
    partition = messages[0].partition()

    told = dlq(start, "replay", "--go", "--partition", f"{partition}", "--from", "3", "--to", "5")

    assert "3 sent" in told
    assert sorted(m.value() or b"" for m in replays(kafka, topics)) == [nested(f"{n}") for n in (3, 4, 5)]


@pytest.mark.slow
def test_a_record_that_fails_again_is_counted_and_given_up(kafka: str, topics: TopicSettings, start: Start) -> None:
    """Each failure is another attempt; after three of them it is refused, unless a person raises the limit."""
    produce(kafka, topics.transactions, [nested("a", amount="much")])
    assert start("scorer", "--until-empty").finish() == 0
    for attempts in ("2", "3"):
        assert "1 sent" in dlq(start, "replay", "--go")
        assert start("scorer", "--until-empty").finish() == 0
        letters = [headers(m) for m in read_all(kafka, topics.dead_letters) if m.key() is not None]
        assert [told["__fraud.errors.attempts"] for told in letters][-1] == attempts
    first, *_, last = letters

    refused = dlq(start, "replay", "--go")

    assert "0 sent" in refused
    assert "1 skipped: rejected 3 times or more" in refused
    assert last["__fraud.errors.first_seen"] == first["__fraud.errors.first_seen"] == first["__fraud.errors.timestamp"]
    assert last["__fraud.errors.timestamp"] > first["__fraud.errors.timestamp"]
    assert "1 sent" in dlq(start, "replay", "--go", "--max-attempts", "4")


@pytest.mark.slow
def test_a_letter_that_holds_a_part_only_is_not_replayed(kafka: str, topics: TopicSettings, start: Start) -> None:
    """A cut record would be another one."""
    produce(kafka, topics.transactions, [b"[" + b" " * 200_000])
    assert start("scorer", "--until-empty", KAFKA_CONF_MESSAGE_MAX_BYTES="100000").finish() == 0

    told = dlq(start, "replay", "--go")

    assert "0 sent" in told
    assert "1 skipped: truncated because it was too large: its producer must send it again" in told


@pytest.mark.slow
def test_letters_of_somebody_else_do_no_harm(kafka: str, topics: TopicSettings, start: Start) -> None:
    """Without our headers, or with a topic that is not ours: counted, and never sent anywhere."""
    produce(kafka, topics.dead_letters, [b"hello", None])
    producer = Producer({"bootstrap.servers": kafka})
    producer.produce(topics.dead_letters, b"x", headers={"__fraud.errors.topic": "elsewhere"})
    assert producer.flush(10) == 0

    assert "3 rejected" in dlq(start, "inspect")
    told = dlq(start, "replay", "--go")

    assert "0 sent" in told
    assert "3 skipped: from another topic" in told


KILLED = """
import os, sys, confluent_kafka
class Producer(confluent_kafka.Producer):
    commits = 0
    def commit_transaction(self, *arguments):
        Producer.commits += 1
        if Producer.commits == 2 and "{when}" == "before":
            self.flush(10)
            os.kill(os.getpid(), 9)
        super().commit_transaction(*arguments)
        if Producer.commits == 2:
            os.kill(os.getpid(), 9)
confluent_kafka.Producer = Producer
from services.tools.dlq.__main__ import main
sys.exit(main(["replay", "--go"]))
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_replay_killed_at_a_commit_goes_on_where_it_was(
    kafka: str, topics: TopicSettings, start: Start, when: str
) -> None:
    """kill -9 with a Kafka transaction open, or just committed: the next run sends the rest, nothing is doubled."""
    values = [nested(f"{n}") for n in range(1_300)]
    produce(kafka, topics.transactions, values)
    reject_good_ones(kafka, topics)

    killed = run_script(KILLED.replace("{when}", when), kafka, topics)

    assert killed.returncode == -signal.SIGKILL
    told = dlq(start, "replay", "--go")
    sent = {"before": 500, "after": 1_000}[when]
    assert f"{1_300 - sent:,} sent" in told
    assert f"{sent:,} skipped: already replayed" in told
    assert Counter(message.value() for message in replays(kafka, topics)) == Counter(values)


SLOW = """
import sys, time, confluent_kafka
class Producer(confluent_kafka.Producer):
    def commit_transaction(self, *arguments):
        print("about to commit", flush=True)
        time.sleep(8)
        super().commit_transaction(*arguments)
confluent_kafka.Producer = Producer
from services.tools.dlq.__main__ import main
sys.exit(main(["replay", "--go"]))
"""


@pytest.mark.slow
def test_of_two_replays_at_once_the_later_one_does_it(
    kafka: str, topics: TopicSettings, start: Start, tmp_path: Path
) -> None:
    """The first is fenced off and says so; each record is sent once."""
    values = [nested(f"{n}") for n in range(10)]
    produce(kafka, topics.transactions, values)
    reject_good_ones(kafka, topics)
    log = tmp_path / "slow.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", SLOW], env=environment(kafka, topics), stdout=output, stderr=output
        )
    slow = ServiceProcess(process, log, 0)
    wait_for(lambda: "about to commit" in slow.text(), 20, slow.text)

    assert "10 sent" in dlq(start, "replay", "--go")

    assert slow.finish() == 1
    assert "has taken over the transactional id" in slow.text()
    assert "0 sent before the failure" in slow.text()
    assert Counter(message.value() for message in replays(kafka, topics)) == Counter(values)


@pytest.mark.slow
def test_a_broker_that_is_away_is_said(topics: TopicSettings, start: Start) -> None:
    """Exit code 1 and one line."""
    told = dlq(start, "inspect", exit_code=1, KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")

    assert f"dlq: cannot see the topic {topics.dead_letters}" in told


def environment(kafka: str, topics: TopicSettings) -> dict[str, str]:
    names = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka,
        "TOPIC_TRANSACTIONS": topics.transactions,
        "TOPIC_DEAD_LETTERS": topics.dead_letters,
    }
    return os.environ | names


def run_script(script: str, kafka: str, topics: TopicSettings) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", script], env=environment(kafka, topics), capture_output=True, timeout=60, check=False
    )
