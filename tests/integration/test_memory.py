"""The scorer's history as processes keep it: through restarts, kills and rebalances, on a real Kafka."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions  # type: ignore[attr-defined]  # re-exported without saying so

from conftest import Start
from services.common.settings import TopicSettings
from services.scorer.history.changelog import from_records
from services.scorer.models.load import load_model
from tests.faults.invariant import ends_of
from tests.faults.standing import not_read
from tests.support.contracts import customer_key
from tests.support.messages import TRANSACTION, nested
from tests.support.models import write_probe
from tests.support.processes import ServiceProcess, wait_for
from tests.support.recompute import recomputed
from tests.support.topics import produce, read_all

CUSTOMERS = 400


@pytest.fixture
def probe(tmp_path: Path) -> Path:
    """Folder of a model whose score depends on every feature of the past."""
    return write_probe(tmp_path / "probe")


def transactions(count: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield (key, value) of transactions, of which some come out of order, some twice and some without a key."""
    random = np.random.default_rng(7)
    minutes = np.sort(random.integers(0, 60 * 24 * 60, count)) + random.choice([0, -1_000], count, p=[0.95, 0.05])
    times = np.datetime_as_string(np.datetime64("2019-06-01T00:00") + minutes.astype("timedelta64[m]"))
    customers = random.integers(0, CUSTOMERS, count).tolist()
    amounts = random.gamma(1, 60, count).round(2).tolist()
    earlier: list[tuple[bytes, bytes]] = []
    for number, (time, customer, amount) in enumerate(zip(times.tolist(), customers, amounts, strict=True)):
        data = TRANSACTION | {"transaction_time": time, "amount": amount, "name_1": f"customer {customer}"}
        record = (
            b"" if number % 50 == 0 else customer_key(data) or b"",
            orjson.dumps({"transaction_id": f"{number}", "data": data}),
        )
        earlier.append(record)
        yield earlier[number // 2] if number % 40 == 39 else record


def scored_again(kafka: str, topics: TopicSettings, probe: Path) -> list[tuple[str, float]]:
    """Return (id, score) of every transaction, worked out in one go over the log."""
    log = {
        (m.partition() or 0, m.offset() or 0): (m.key(), m.value() or b"") for m in read_all(kafka, topics.transactions)
    }
    return list(recomputed(log, load_model(probe), topics.transactions).values())


@pytest.mark.timeout(600)
@pytest.mark.parametrize("messages", [20_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_scores_are_those_of_one_pass_over_the_log(
    kafka: str, topics: TopicSettings, start: Start, probe: Path, messages: int
) -> None:
    """Messages through kills, restarts and rebalances give the scores of an offline recomputation, to 2e-6."""
    settings = {"SCORER_MODEL_DIR": str(probe), "SCORER_BATCH_MAX_MESSAGES": "700"}
    scorers = [start("scorer", **settings).wait_ready()]
    producer = Producer({"bootstrap.servers": kafka, "enable.idempotence": True, "partitioner": "murmur2_random"})
    for number, (key, value) in enumerate(transactions(messages)):
        producer.produce(topics.transactions, value, key or None)
        if number % 1_000 == 0:
            producer.poll(0)
        if (number + 1) % (messages // 5) == 0:
            producer.flush(30)
            _disturb(number * 5 // messages, scorers, start, settings)
    assert producer.flush(30) == 0
    ends, group = ends_of(kafka, topics.transactions), f"scorer-{topics.transactions}"
    wait_for(lambda: not not_read(kafka, group, topics.transactions, ends), 120, scorers[0].text)

    found: dict[str, list[float]] = {}
    for message in read_all(kafka, topics.scores):
        found.setdefault((message.key() or b"").decode(), []).append(orjson.loads(message.value() or b"")["score"])
    wanted: dict[str, list[float]] = {}
    for name, score in scored_again(kafka, topics, probe):
        wanted.setdefault(name, []).append(score)
    assert found.keys() == wanted.keys()
    worst = max(np.abs(np.sort(found[name]) - np.sort(wanted[name])).max() for name in wanted)
    assert sum(map(len, found.values())) == messages
    assert worst <= 2e-6


def _disturb(round_number: int, scorers: list[ServiceProcess], start: Start, settings: dict[str, str]) -> None:
    """Kill and start again; let a second one join, and leave."""
    if round_number % 2 == 0:
        scorers.pop(0).kill()
    else:
        assert scorers.pop(0).terminate() == 0
    while len(scorers) < 1 + round_number % 2:
        scorers.append(start("scorer", **settings).wait_ready(60))


@pytest.mark.slow
def test_a_restarted_scorer_remembers(kafka: str, topics: TopicSettings, start: Start, probe: Path) -> None:
    """The changelog holds what was remembered, and a new process reads it back before it scores."""
    env = {"SCORER_MODEL_DIR": str(probe)}
    times = ["2019-09-14 10:00", "2019-09-14 10:30", "2019-09-14 11:00"]
    for number, time in enumerate(times):
        produce(kafka, topics.transactions, [nested(f"{number}", transaction_time=time)])
        assert start("scorer", "--until-empty", **env).finish() == 0

    records = [(m.key() or b"", m.value()) for m in read_all(kafka, topics.history)]
    assert len(records) == 3 + 1  # and what they hold
    assert len(from_records(load_model(probe).plan.numbers, records).history) == 1
    scores = {
        (m.key() or b"").decode(): orjson.loads(m.value() or b"")["score"] for m in read_all(kafka, topics.scores)
    }
    assert scores == pytest.approx(dict(scored_again(kafka, topics, probe)), abs=2e-6)


@pytest.mark.slow
def test_a_transaction_whose_key_is_not_its_customer_is_scored_without_history(
    kafka: str, topics: TopicSettings, start: Start, probe: Path
) -> None:
    """Keyless and wrongly keyed ones are scored, counted, named once in the log, and not remembered."""
    scorer = start("scorer", SCORER_MODEL_DIR=str(probe)).wait_ready()
    for at in range(3):
        produce(kafka, topics.transactions, [nested(f"none-{at}")], key=None)
        produce(kafka, topics.transactions, [nested(f"wrong-{at}")], key=b"somebody else")
        wait_for(lambda n=at: scorer.metrics()["fraud_scorer_without_history_total"] == 2 * n + 2, 20, scorer.text)

    assert scorer.text().count("scored_without_history") == 1
    assert read_all(kafka, topics.history) == []
    scores = {orjson.loads(m.value() or b"")["score"] for m in read_all(kafka, topics.scores)}
    assert scores == {round(load_model(probe).manifest.golden[0].score, 6)}


def test_other_partition_counts_are_refused(kafka: str, topics: TopicSettings, start: Start, probe: Path) -> None:
    """With more partitions of `transactions` than of the changelog a customer's history would be another's."""
    admin = AdminClient({"bootstrap.servers": kafka})
    [change] = admin.create_partitions([NewPartitions(topics.transactions, 8)]).values()
    change.result()

    scorer = start("scorer", SCORER_MODEL_DIR=str(probe))

    assert scorer.finish() == 1
    assert "partition counts differ" in scorer.text()


def test_a_scorer_is_ready_only_when_it_remembers(kafka: str, topics: TopicSettings, start: Start, probe: Path) -> None:
    """The line that says what was restored comes before the probe says ready."""
    produce(kafka, topics.transactions, [nested(f"{n}") for n in range(100)])
    assert start("scorer", "--until-empty", SCORER_MODEL_DIR=str(probe)).finish() == 0

    again = start("scorer", SCORER_MODEL_DIR=str(probe)).wait_ready()

    assert '"customers": 1' in again.text()
    assert again.metrics()["fraud_scorer_history_customers"] == 1
