"""The messages of a measurement: the payments of a file, or of any number of customers, and ways to send them."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import orjson
from confluent_kafka import Producer

from bench.servers import Servers
from services.common.contract import customer_key
from services.common.errors import Stop
from services.sender.csvfile import prepare

Payment = tuple[bytes, bytes]
"""(key, value), as the sender makes them."""

CHUNK = 50_000
FLUSH_SECONDS = 60
LONGEST_TRANSACTION_MS = 900_000
"""What a broker allows by default."""

SCATTER = 7_919
"""A prime, so that it shares no factor with a number of customers, and the customers come in no order."""


def read_payments(csv_file: Path) -> list[Payment]:
    """Return the messages of a file, by event time."""
    with prepare(csv_file) as payments:
        return [(key or b"", value) for key, value in payments]


def of_crowd(payments: Sequence[Payment], customers: int, first: int, count: int) -> Iterator[Payment]:
    """Yield payments number `first` to `first + count` of an endless stream of so many customers.

    The given payments come round and round, each time four years later (leap years stay leap years), each by another
    customer: after `customers` payments everybody has paid once.
    """
    for number in range(first, first + count):
        message = orjson.loads(payments[number % len(payments)][1])
        data, customer = message.get("data", message), number * SCATTER % customers
        time: str = data["transaction_time"]
        data["transaction_time"] = f"{int(time[:4]) + 4 * (number // len(payments))}{time[4:]}"
        data |= {"name_1": f"Name{customer}", "name_2": "Example", "street": f"{customer} Test Lane"}
        yield customer_key(data) or b"", orjson.dumps(message)


def send(servers: Servers, topic: str, payments: Iterable[Payment]) -> None:
    """Send payments as they are, keyed by customer."""
    producer = _producer(servers)
    _produce(producer, topic, payments)


@contextlib.contextmanager
def held_back(servers: Servers, topic: str, payments: Iterable[Payment]) -> Iterator[Callable[[], None]]:
    """Write payments that can be read, all at once, only when the function that the block gets is called."""
    producer = _producer(servers, f"held-back-{topic}")
    producer.init_transactions(FLUSH_SECONDS)
    producer.begin_transaction()
    _produce(producer, topic, payments)
    released = False

    def release() -> None:
        nonlocal released
        producer.commit_transaction(FLUSH_SECONDS)
        released = True

    try:
        yield release
    finally:
        if not released:
            producer.abort_transaction(FLUSH_SECONDS)


def _producer(servers: Servers, transactional_id: str | None = None) -> Producer:
    settings: dict[str, str | int | float | bool] = {
        "bootstrap.servers": servers.kafka.bootstrap,
        "allow.auto.create.topics": False,
        "compression.type": "lz4",
        "enable.idempotence": True,
        "linger.ms": 10,
        "partitioner": "murmur2_random",
        "queue.buffering.max.messages": 2 * CHUNK,
    }
    if transactional_id:
        settings |= {"transactional.id": transactional_id, "transaction.timeout.ms": LONGEST_TRANSACTION_MS}
    return Producer(settings)


def _produce(producer: Producer, topic: str, payments: Iterable[Payment]) -> None:
    """Send everything and wait until it is there.

    Raises:
        Stop: it is not there in time.
    """
    for key, value in payments:
        while True:
            try:
                producer.produce(topic, value, key)
            except BufferError:
                producer.poll(0.1)
            else:
                break
    if producer.flush(FLUSH_SECONDS):
        raise Stop(f"{topic} could not be filled in time")
