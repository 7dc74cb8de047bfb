"""How long a payment takes: at a steady rate, from produce to a score that can be read and to a row in PostgreSQL.

Payments are produced at their due times, whether or not earlier ones have come through, and each is timed from its due
time: a stall counts for all that had to wait. A score counts when a read_committed consumer has it, a row when another
connection sees it. Everything runs, the page included.
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
from bench.messages import Payment, read_payments
from bench.servers import Servers
from services.common.errors import Stop
from services.common.kafka.closing import close
from services.common.settings import TopicSettings

LONE_MESSAGES = 50
LONE_RATE = 10
LOOK_SECONDS = 0.1
PATIENCE_SECONDS = 30
POLL_SECONDS = 0.002
RATE = 1_000
WARM_UP_TIMES = 4
"""So many times a round. A broker compiles its code while it works: measured is one that has been at it for a while."""

Times = dict[str, float]
"""Transaction id -> time.perf_counter()."""


def measure(servers: Servers, csv_file: Path, rounds: int, seconds: float) -> Figures:
    """Return median and 99th percentile in milliseconds of scores and rows, at 1,000 messages a second and alone."""
    payments = iter(read_payments(csv_file))
    servers.empty_mart()
    topics = servers.make_topics("latency")
    steady: list[dict[str, float]] = []
    lone: list[dict[str, float]] = []
    with (
        servers.running("scorer", topics),
        servers.running("sink", topics),
        servers.running("ui", topics),
        _observers(servers, topics) as observers,
    ):
        _run(servers, topics, _take(payments, int(RATE * WARM_UP_TIMES * seconds)), RATE, observers)
        for _ in range(rounds):
            steady.append(_run(servers, topics, _take(payments, int(RATE * seconds)), RATE, observers))
            lone.append(_run(servers, topics, _take(payments, LONE_MESSAGES), LONE_RATE, observers))
            print("  " + ", ".join(f"{name} {value:.0f} ms" for name, value in steady[-1].items()), flush=True)
    servers.empty_mart()
    return _figures(steady, lone)


def _figures(steady: Sequence[Mapping[str, float]], lone: Sequence[Mapping[str, float]]) -> Figures:
    goals = {"score_p50": 40, "score_p99": 120, "row_p99": 300}
    words = {"score": "to a score readable by read_committed", "row": "to a row in PostgreSQL"}
    loads = {"steady": (f"{RATE:,} messages/s", steady), "lone": ("lone messages", lone)}
    found: Figures = {}
    for load, (about, rounds) in loads.items():
        for what, words_of in words.items():
            for share in ("p50", "p99"):
                name = f"{what}_{share}"
                goal = Goal(at_most=goals[name]) if load == "steady" and name in goals else None
                values = [one[name] for one in rounds]
                found[f"{load}_{name}"] = figure(f"{about}, {words_of}, {share}", values, "ms", goal=goal)
    return found


def _take(payments: Iterator[Payment], count: int) -> list[Payment]:
    taken = [payment for _, payment in zip(range(count), payments, strict=False)]
    if len(taken) < count:
        raise Stop("the file has too few payments for so long a measurement")
    return taken


def _run(
    servers: Servers, topics: TopicSettings, payments: Sequence[Payment], rate: float, observers: "_Observers"
) -> dict[str, float]:
    """Return the percentiles of a run, in milliseconds."""
    ids = [orjson.loads(value)["transaction_id"] for _, value in payments]
    watchers = {"score": _Watcher(observers.read_scores, len(ids)), "row": _Watcher(observers.read_rows, len(ids))}
    for watcher in watchers.values():
        watcher.start()
    due = _produce(servers, topics, payments, ids, rate)
    found: dict[str, float] = {}
    for name, watcher in watchers.items():
        watcher.join()
        if missing := due.keys() - watcher.seen.keys():
            raise Stop(f"{len(missing)} of {len(ids)} payments did not come through to a {name}")
        waited = [1000 * (watcher.seen[transaction_id] - at) for transaction_id, at in due.items()]
        found |= {f"{name}_p50": percentile(waited, 0.5), f"{name}_p99": percentile(waited, 0.99)}
    return found


def _produce(
    servers: Servers, topics: TopicSettings, payments: Sequence[Payment], ids: Sequence[str], rate: float
) -> Times:
    """Send payments at a steady rate by a producer as it comes; return when each was due."""
    producer = Producer(
        {
            "bootstrap.servers": servers.kafka.bootstrap,
            "allow.auto.create.topics": False,
            "partitioner": "murmur2_random",
        }
    )
    started = time.perf_counter() + 0.1
    due: Times = {}
    for number, (key, value) in enumerate(payments):
        due[ids[number]] = started + number / rate
        if (early := due[ids[number]] - time.perf_counter()) > 0:
            time.sleep(early)
        producer.produce(topics.transactions, value, key)
        producer.poll(0)
    producer.flush(PATIENCE_SECONDS)
    return due


class _Watcher(threading.Thread):
    """Notes when each of so many payments came through; ends when all have, or when none came for too long."""

    def __init__(self, look: Callable[[], list[str]], count: int) -> None:
        super().__init__(daemon=True)
        self.seen: Times = {}
        self._look = look
        self._count = count

    def run(self) -> None:
        """Look until all have come."""
        last = time.perf_counter()
        while len(self.seen) < self._count and time.perf_counter() - last < PATIENCE_SECONDS:
            if came := self._look():
                last = time.perf_counter()
                self.seen |= dict.fromkeys(came, last)


class _Observers:
    """A consumer of the scores and a reader of the table: what each has not seen before."""

    def __init__(self, consumer: Consumer, connection: "psycopg.Connection[Any]") -> None:
        self._consumer = consumer
        self._connection = connection
        self._arrival = 0

    def read_scores(self) -> list[str]:
        """Return the ids of the scores that are new to this consumer."""
        first = self._consumer.poll(LOOK_SECONDS)
        messages = [first, *self._consumer.consume(1_000, 0)] if first else []
        return [orjson.loads(message.value() or b"")["transaction_id"] for message in messages]

    def read_rows(self) -> list[str]:
        """Return the ids of the rows that were not there at the last look."""
        query = "select arrival, transaction_id from scores where arrival > %s order by arrival"
        rows = self._connection.execute(query, [self._arrival]).fetchall()
        if rows:
            self._arrival = rows[-1][0]
        else:
            time.sleep(POLL_SECONDS)
        return [transaction_id for _, transaction_id in rows]


@contextlib.contextmanager
def _observers(servers: Servers, topics: TopicSettings) -> Iterator[_Observers]:
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
        yield _Observers(consumer, connection)
    close(consumer)
