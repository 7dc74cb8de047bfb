"""Latency at a steady rate, from produce to a readable score and to a row in PostgreSQL.

Transactions are produced at their due times, whether or not earlier ones have come through, and each is timed from its
due time, so that a stall counts for all that had to wait. A score counts when a read_committed consumer has it, a row
when another connection sees it. All services run, the page included.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import psycopg
from confluent_kafka import Consumer, Producer, TopicPartition

from bench.figures import Figures, Goal, figure, percentile
from bench.messages import KeyedMessage, read_messages
from bench.servers import Servers
from services.common.errors import Stop
from services.common.kafka.closing import close
from services.common.settings import TopicSettings

LONE_MESSAGES = 50
LONE_RATE = 10
CONSUMER_POLL_SECONDS = 0.1
TIMEOUT_SECONDS = 30
DATABASE_POLL_SECONDS = 0.002
RATE = 1_000
WARM_UP_ROUNDS = 4
"""Length of the warm-up in rounds: the JVM of the broker compiles its code while it runs."""

Times = dict[str, float]
"""Transaction id -> time.perf_counter()."""


def measure(servers: Servers, csv_file: Path, rounds: int, seconds: float) -> Figures:
    """Return median and 99th percentile of scores and rows in milliseconds, at 1,000 messages per second and alone."""
    transactions = iter(read_messages(csv_file))
    servers.empty_mart()
    topics = servers.make_topics("latency")
    steady: list[dict[str, float]] = []
    lone: list[dict[str, float]] = []
    with (
        servers.running("scorer", topics),
        servers.running("sink", topics),
        servers.running("ui", topics),
        _open_readers(servers, topics) as readers,
    ):
        _run(servers, topics, _take(transactions, int(RATE * WARM_UP_ROUNDS * seconds)), RATE, readers)
        for _ in range(rounds):
            steady.append(_run(servers, topics, _take(transactions, int(RATE * seconds)), RATE, readers))
            lone.append(_run(servers, topics, _take(transactions, LONE_MESSAGES), LONE_RATE, readers))
            print("  " + ", ".join(f"{name} {value:.0f} ms" for name, value in steady[-1].items()), flush=True)
    servers.empty_mart()
    return _figures(steady, lone)


def _figures(steady: Sequence[Mapping[str, float]], lone: Sequence[Mapping[str, float]]) -> Figures:
    goals = {"score_p50": 40, "score_p99": 120, "row_p99": 300}
    labels = {"score": "to a score readable by read_committed", "row": "to a row in PostgreSQL"}
    loads = {"steady": (f"{RATE:,} messages/s", steady), "lone": ("single messages", lone)}
    found: Figures = {}
    for load, (load_label, rounds) in loads.items():
        for what, label in labels.items():
            for share in ("p50", "p99"):
                name = f"{what}_{share}"
                goal = Goal(at_most=goals[name]) if load == "steady" and name in goals else None
                values = [one[name] for one in rounds]
                found[f"{load}_{name}"] = figure(f"{load_label}, {label}, {share}", values, "ms", goal=goal)
    return found


def _take(transactions: Iterator[KeyedMessage], count: int) -> list[KeyedMessage]:
    taken = [transaction for _, transaction in zip(range(count), transactions, strict=False)]
    if len(taken) < count:
        raise Stop("the file has too few transactions for this measurement")
    return taken


def _run(
    servers: Servers, topics: TopicSettings, transactions: Sequence[KeyedMessage], rate: float, readers: "_Readers"
) -> dict[str, float]:
    """Return the percentiles of a run, in milliseconds."""
    ids = [orjson.loads(value)["transaction_id"] for _, value in transactions]
    watchers = {"score": _Watcher(readers.read_scores, len(ids)), "row": _Watcher(readers.read_rows, len(ids))}
    for watcher in watchers.values():
        watcher.start()
    due = _produce(servers, topics, transactions, ids, rate)
    found: dict[str, float] = {}
    for name, watcher in watchers.items():
        watcher.join()
        if missing := due.keys() - watcher.seen.keys():
            raise Stop(f"{len(missing)} of {len(ids)} transactions did not become a {name}")
        latencies = [1000 * (watcher.seen[transaction_id] - at) for transaction_id, at in due.items()]
        found |= {f"{name}_p50": percentile(latencies, 0.5), f"{name}_p99": percentile(latencies, 0.99)}
    return found


def _produce(
    servers: Servers, topics: TopicSettings, transactions: Sequence[KeyedMessage], ids: Sequence[str], rate: float
) -> Times:
    """Send transactions at a steady rate with a producer of default settings; return when each was due."""
    producer = Producer(
        {
            "bootstrap.servers": servers.kafka.bootstrap,
            "allow.auto.create.topics": False,
            "partitioner": "murmur2_random",
        }
    )
    started = time.perf_counter() + 0.1
    due: Times = {}
    for number, (key, value) in enumerate(transactions):
        due[ids[number]] = started + number / rate
        if (early := due[ids[number]] - time.perf_counter()) > 0:
            time.sleep(early)
        producer.produce(topics.transactions, value, key)
        producer.poll(0)
    producer.flush(TIMEOUT_SECONDS)
    return due


class _Watcher(threading.Thread):
    """Records when each transaction came through; ends when all have, or after a timeout without any."""

    def __init__(self, read: Callable[[], list[str]], count: int) -> None:
        super().__init__(daemon=True)
        self.seen: Times = {}
        self._read = read
        self._count = count

    def run(self) -> None:
        """Read until all have come through."""
        last = time.perf_counter()
        while len(self.seen) < self._count and time.perf_counter() - last < TIMEOUT_SECONDS:
            if found := self._read():
                last = time.perf_counter()
                self.seen |= dict.fromkeys(found, last)


class _Readers:
    """Reads new scores from Kafka and new rows from the database."""

    def __init__(self, consumer: Consumer, connection: "psycopg.Connection[Any]") -> None:
        self._consumer = consumer
        self._connection = connection
        self._arrival = 0

    def read_scores(self) -> list[str]:
        """Return the transaction ids of the scores since the last call."""
        first = self._consumer.poll(CONSUMER_POLL_SECONDS)
        messages = [first, *self._consumer.consume(1_000, 0)] if first else []
        return [orjson.loads(message.value() or b"")["transaction_id"] for message in messages]

    def read_rows(self) -> list[str]:
        """Return the transaction ids of the rows since the last call."""
        query = "select arrival, transaction_id from scores where arrival > %s order by arrival"
        rows = self._connection.execute(query, [self._arrival]).fetchall()
        if rows:
            self._arrival = rows[-1][0]
        else:
            time.sleep(DATABASE_POLL_SECONDS)
        return [transaction_id for _, transaction_id in rows]


@contextlib.contextmanager
def _open_readers(servers: Servers, topics: TopicSettings) -> Iterator[_Readers]:
    consumer = Consumer(
        {
            "bootstrap.servers": servers.kafka.bootstrap,
            "allow.auto.create.topics": False,
            "group.id": "latency",
            "isolation.level": "read_committed",
        }
    )
    consumer.assign([TopicPartition(topics.scores, place.partition, 0) for place in servers.partitions(topics.scores)])
    with servers.connect() as connection:
        yield _Readers(consumer, connection)
    close(consumer)
