"""Transactions that are too many, broken, too large, poisonous, sent twice, or never committed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random

import orjson
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # re-exported without saying so
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from conftest import ROOT
from services.common.kafka.dead_letters import PREFIX
from tests.faults.feeder import TransactionMessage, transactions
from tests.faults.pipeline import HOLD, Pipeline
from tests.support.messages import nested
from tests.support.processes import wait_for
from tests.support.topics import headers, read_all, read_each

BROKEN = {
    "bad_json": b'{"transaction_id": "x", ',
    "bad_encoding": b'{"transaction_id": "\xff"}',
    "not_object": b"[1, 2]",
    "missing_field": nested("x").replace(b'"amount"', b'"amounts"'),
    "bad_type": nested("x", amount="much"),
    "bad_time": nested("x", transaction_time="2019-02-30 10:00"),
    "out_of_range": nested("x").replace(b"25.79", b"1e13"),
}
"""Reason -> a message that is rejected for it."""


def mixed_with_broken(seed: str, share: float) -> Iterator[TransactionMessage]:
    """Yield transactions of which a share cannot be scored; the key of such a one is the reason."""
    random = Random(f"{seed}/broken")
    for transaction in transactions(seed):
        if random.random() < share:
            reason = random.choice(list(BROKEN))
            yield TransactionMessage("", reason.encode(), BROKEN[reason])
        else:
            yield transaction


def test_the_producers_queue_is_full_inside_a_kafka_transaction(pipeline: Pipeline) -> None:
    """Room for 100 records and larger batches: librdkafka takes what fits and says so; nothing is lost."""
    pipeline.start(scorers=1, KAFKA_CONF_QUEUE_BUFFERING_MAX_MESSAGES="100")
    [scorer] = pipeline.scorers.members
    with pipeline.load(rate=3_000):
        pipeline.pause(pipeline.scale.seconds, pipeline.scale.seconds)
    metrics = scorer.service.metrics()

    pipeline.check()
    batches = "fraud_scorer_batch_size_"
    assert metrics[batches + "count"] > metrics[batches + 'bucket{le="100.0"}'], "no batch was larger than the queue"


@pytest.mark.parametrize("share", [0.01, 1.0])
def test_broken_transactions(pipeline: Pipeline, share: float) -> None:
    """One in a hundred, or all of them: each a dead letter with its reason and its bytes, the others are scored."""
    pipeline.start(scorers=2, points="", SCORER_REJECT_LIMIT_SHARE="0", SCORER_REJECT_LIMIT_IN_A_ROW="0")
    with pipeline.load():
        pass  # all partitions have been scored from
    with pipeline.load(mixed_with_broken(pipeline.seed + "/2", share), watched=False):
        pipeline.pause(pipeline.scale.seconds / 2, pipeline.scale.seconds / 2)

    findings = pipeline.check(ids_repeat=True)
    letters = list(read_each(pipeline.bootstrap, pipeline.topics.dead_letters))
    assert letters
    for letter in letters:
        reason = (letter.key() or b"").decode()
        assert headers(letter)[PREFIX + "reason"] == reason
        assert letter.value() == BROKEN[reason]
    assert findings.dead_letters == len(letters)


def test_transactions_too_large_for_any_producer(pipeline: Pipeline) -> None:
    """Broken ones beyond the client's limit and beyond the broker's: kept in part, and the batch goes on."""
    limit = ConfigResource(ResourceType.TOPIC, pipeline.topics.transactions)
    limit.add_incremental_config(
        ConfigEntry("max.message.bytes", "8000000", incremental_operation=AlterConfigOpType.SET)
    )
    admin = AdminClient({"bootstrap.servers": pipeline.bootstrap})
    [done] = admin.incremental_alter_configs([limit]).values()
    done.result(10)
    pipeline.start(scorers=2)
    with pipeline.load():
        pass  # all partitions have been scored from
    before = pipeline.scorers.recreations
    big = {"client": 1_010_000, "broker": 1_500_000, "both": 4_000_000}
    producer = Producer({"bootstrap.servers": pipeline.bootstrap, "message.max.bytes": 8_000_000})
    with pipeline.load():
        for name, size in big.items():
            producer.produce(pipeline.topics.transactions, b"[" + b" " * size, name.encode())
        producer.produce(pipeline.topics.transactions, b"[", b"headers", headers=[("h", b"x" * 1_500_000)])
        producer.produce(pipeline.topics.transactions, b"[", b"k" * 1_500_000)
        assert producer.flush(30) == 0
        pipeline.recovered("oversize", time.monotonic())

    pipeline.check(ids_repeat=True)
    letters = {letter.key(): letter for letter in read_all(pipeline.bootstrap, pipeline.topics.dead_letters)}
    assert len(letters) == 5
    for name, size in big.items():
        assert headers(letters[name.encode()])[PREFIX + "truncated.length"] == str(size + 1)
    assert pipeline.scorers.recreations == before


def test_transactions_sent_twice(pipeline: Pipeline) -> None:
    """In one batch, in two, and with another amount: one row an id in PostgreSQL, and it is the newest score."""
    pipeline.start(scorers=2, sinks=2)
    with pipeline.load(twice(pipeline.seed)):
        pipeline.pause(pipeline.scale.seconds, pipeline.scale.seconds)

    findings = pipeline.check(ids_repeat=True)
    with pipeline.mart() as mart:
        rows = mart.execute("select count(*) from scores").fetchone()
    assert rows is not None
    assert rows[0] < findings.scores


def twice(seed: str) -> Iterator[TransactionMessage]:
    """Yield transactions; every tenth comes again, soon or some hundred later, as it was or with another amount."""
    random = Random(f"{seed}/twice")
    waiting: list[TransactionMessage] = []
    for number, transaction in enumerate(transactions(seed)):
        yield transaction
        if number % 10 == 0:
            again = orjson.loads(transaction.value)
            again["data"]["amount"] = random.choice([again["data"]["amount"], 977.77])
            waiting.append(TransactionMessage(transaction.id, transaction.key, orjson.dumps(again)))
        if waiting and (random.random() < 0.5 or len(waiting) > 40):
            yield waiting.pop(random.randrange(len(waiting)))


def test_kafka_transactions_that_are_aborted(pipeline: Pipeline, long: bool) -> None:
    """A producer that aborts one Kafka transaction in three: what it took back is never scored."""
    pipeline.start(scorers=2)
    config = {"transactional.id": f"uploader-{pipeline.topics.transactions}", "partitioner": "murmur2_random"}
    producer = Producer({"bootstrap.servers": pipeline.bootstrap, **config})
    producer.init_transactions(30)
    source, aborted = transactions(f"{pipeline.seed}/aborted"), set()
    with pipeline.load():
        for _ in range(300 if long else 40):
            producer.begin_transaction()
            some = list(islice(source, pipeline.random.randint(1, 100)))
            for transaction in some:
                producer.produce(pipeline.topics.transactions, transaction.value, transaction.key)
            if pipeline.random.random() < 1 / 3:
                producer.flush(10)  # so that there is something to take back
                producer.abort_transaction(10)
                aborted |= {transaction.id for transaction in some}
            else:
                producer.commit_transaction(10)
    pipeline.done["aborted uploads"] = len(aborted)

    pipeline.check()
    assert aborted
    assert not aborted & pipeline.watcher.seen.keys()


def _has_more(pipeline: Pipeline, than: int) -> bool:
    return pipeline.records() > than


def test_an_upload_that_is_killed_and_run_again(pipeline: Pipeline, tmp_path: Path, long: bool) -> None:
    """kill -9 of the sender in the middle of a file, the file sent again from its beginning: one row a line."""
    rows = 200_000 if long else 30_000
    file = tmp_path / "transactions.csv"
    command = ["services.simulator", "csv", "--rows", str(rows), "--seed", "3", "--shuffle", "--out", str(file)]
    subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=True)
    pipeline.start(scorers=2, points="")
    env = os.environ | {
        "KAFKA_BOOTSTRAP_SERVERS": pipeline.bootstrap,
        "TOPIC_TRANSACTIONS": pipeline.topics.transactions,
    }
    for is_last in (False, False, True):
        sender = subprocess.Popen([sys.executable, "-m", "services.sender", str(file)], cwd=ROOT, env=env)
        if not is_last:
            before = pipeline.records()
            wait_for(partial(_has_more, pipeline, before), 60, pipeline.text)
            sender.send_signal(signal.SIGKILL)
            pipeline.inflict("kill -9 sender")
        code = sender.wait(120)
    assert code == 0

    findings = pipeline.check(ids_repeat=True)
    assert findings.records > rows
    with pipeline.mart() as mart:
        assert mart.execute("select count(*) from scores").fetchone() == (rows,)
        assert mart.execute("select count(*) from transactions").fetchone() == (rows,)


def test_a_transaction_that_kills_the_process(pipeline: Pipeline) -> None:
    """A native crash while it is scored: after three deaths of its own it is a dead letter, and the rest is scored."""
    amount = 31_337.25
    pipeline.start(scorers=2, points=HOLD, FAULTS_POISON_AMOUNT=str(amount))
    with pipeline.load():
        for number in range(2):
            key, value = f"poison {number}".encode(), nested(f"poison-{number}", amount=amount)
            producer = Producer({"bootstrap.servers": pipeline.bootstrap})
            producer.produce(pipeline.topics.transactions, value, key)
            assert producer.flush(10) == 0
            pipeline.inflict("poison")
            pipeline.pause(1, 2)
        pipeline.recovered("poison", time.monotonic(), within=60)

    pipeline.check()
    letters = read_all(pipeline.bootstrap, pipeline.topics.dead_letters)
    assert {letter.key() for letter in letters} == {b"poison 0", b"poison 1"}
    assert {headers(letter)[PREFIX + "reason"] for letter in letters} == {"crash"}
    assert pipeline.scorers.exits[-signal.SIGABRT] <= 10
