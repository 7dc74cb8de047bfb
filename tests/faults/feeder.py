"""Transactions without end, sent at a steady rate by an idempotent producer that remembers what was acknowledged."""

import itertools
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random
from types import TracebackType
from typing import Any, Self

import orjson
from confluent_kafka import KafkaError, Message, Producer

from tests.support.contracts import customer_key
from tests.support.messages import TRANSACTION

CATEGORIES = ("grocery_net", "shopping_net", "misc_net", "gas_transport", "home")
CUSTOMERS = 300
FIRST_TIME, SECONDS_BETWEEN = datetime(2019, 1, 1), 20  # event times are local to the transaction
TICK_SECONDS = 0.01

_unplaced = itertools.count(1)


@dataclass(frozen=True, slots=True)
class TransactionMessage:
    """A message of `transactions`. An empty id: it has none, or cannot be read."""

    id: str
    key: bytes | None
    value: bytes


def transactions(seed: str) -> Iterator[TransactionMessage]:
    """Yield transactions of 300 customers, 20 s apart in event time; the ids begin with the seed."""
    random = Random(seed)
    names = [f"customer {number}" for number in range(CUSTOMERS)]
    keys = [customer_key(TRANSACTION | {"name_1": name}) for name in names]
    for number in itertools.count(1):
        who = random.randrange(CUSTOMERS)
        data = TRANSACTION | {
            "transaction_time": f"{FIRST_TIME + timedelta(seconds=SECONDS_BETWEEN * number):%Y-%m-%d %H:%M:%S}",
            "amount": round(random.gammavariate(1, 60), 2),
            "cat_id": random.choice(CATEGORIES),
            "name_1": names[who],
        }
        name = f"{seed}-{number}"
        yield TransactionMessage(name, keys[who], orjson.dumps({"transaction_id": name, "data": data}))


@dataclass(frozen=True, slots=True)
class Sent:
    """An acknowledged transaction: its partition, and when it was handed over (monotonic)."""

    partition: int
    at: float


class Feeder:
    """Sends while the block lasts, then waits until everything is acknowledged.

    Attributes:
        acknowledged: (partition, offset) -> id; below 0 where the broker did not say which offset.
    """

    def __init__(
        self, bootstrap: str, topic: str, source: Iterator[TransactionMessage], rate: float, **config: Any
    ) -> None:
        self.acknowledged: dict[tuple[int, int], str] = {}
        self.by_id: dict[str, Sent] = {}
        self.failures: list[str] = []
        self._topic = topic
        self._source = source
        self._rate = rate
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "linger.ms": 5,
                "reconnect.backoff.max.ms": 1_000,  # as the services: it must not be late itself
                "compression.type": "lz4",
                "log_level": 3,
                **config,
            }
        )
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._feed, name="feeder", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ending.set()
        self._thread.join()
        left = self._producer.flush(60)
        if error is None:
            assert left == 0, f"{left} transactions were not acknowledged"
            assert not self.failures, self.failures[:3]

    def _feed(self) -> None:
        started, sent = time.monotonic(), 0
        while not self._ending.wait(TICK_SECONDS):
            due = int((time.monotonic() - started) * self._rate) - sent
            for _ in range(due):
                self._send(next(self._source))
            sent += due
            self._producer.poll(0)

    def _send(self, transaction: TransactionMessage) -> None:
        report = partial(self._on_delivery, transaction.id, time.monotonic())
        while not self._ending.is_set():
            try:
                self._producer.produce(self._topic, transaction.value, transaction.key, on_delivery=report)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def _on_delivery(self, name: str, at: float, error: KafkaError | None, message: Message) -> None:
        if error:
            self.failures.append(error.str())
            return
        partition, offset = message.partition() or 0, message.offset()
        if offset is None:  # written at an earlier try whose answer was lost: the broker no longer says where
            offset = -next(_unplaced)
        self.acknowledged[partition, offset] = name
        self.by_id[name] = Sent(partition, at)
