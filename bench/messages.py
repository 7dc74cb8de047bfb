"""The messages of a measurement: transactions of a file, or of any number of customers, and ways to send them."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import orjson
from confluent_kafka import Producer

from bench.servers import Servers
from services.common.contract.load import read_contract
from services.common.errors import Stop
from services.common.settings import ModelFolder
from services.sender.csvfile import prepare
from services.simulator.cards import customer_key

KeyedMessage = tuple[bytes, bytes]
"""(key, value), as the sender makes them."""

CHUNK = 50_000
FLUSH_SECONDS = 60
KAFKA_TRANSACTION_TIMEOUT_MS = 900_000
"""The broker's default limit (transaction.max.timeout.ms)."""

CUSTOMER_STRIDE = 7_919
"""A prime, which shares no factor with the number of customers: visits all of them, in no obvious order."""


def read_messages(csv_file: Path) -> list[KeyedMessage]:
    """Return the messages of a file, by event time."""
    with prepare(csv_file, contract=read_contract(ModelFolder.read().scorer_model_dir)) as transactions:
        return [(key or b"", value) for key, value in transactions]


def customer_stream(
    transactions: Sequence[KeyedMessage], customers: int, first: int, count: int
) -> Iterator[KeyedMessage]:
    """Yield the messages `first` to `first + count` of an endless stream of a number of customers.

    The given transactions are repeated, four years later each time (leap years stay leap years) and by another customer
    each: after `customers` transactions every customer has paid once.
    """
    for number in range(first, first + count):
        message = orjson.loads(transactions[number % len(transactions)][1])
        data, customer = message.get("data", message), number * CUSTOMER_STRIDE % customers
        time: str = data["transaction_time"]
        data["transaction_time"] = f"{int(time[:4]) + 4 * (number // len(transactions))}{time[4:]}"
        data |= {"name_1": f"Name{customer}", "name_2": "Example", "street": f"{customer} Test Lane"}
        yield customer_key(data), orjson.dumps(message)


def send(servers: Servers, topic: str, transactions: Iterable[KeyedMessage]) -> None:
    """Send messages unchanged, keyed by customer."""
    producer = _producer(servers)
    _produce(producer, topic, transactions)


@contextlib.contextmanager
def uncommitted(servers: Servers, topic: str, transactions: Iterable[KeyedMessage]) -> Iterator[Callable[[], None]]:
    """Write messages in a Kafka transaction; yield the function that commits it. Without it they are aborted."""
    producer = _producer(servers, f"uncommitted-{topic}")
    producer.init_transactions(FLUSH_SECONDS)
    producer.begin_transaction()
    _produce(producer, topic, transactions)
    committed = False

    def commit() -> None:
        nonlocal committed
        producer.commit_transaction(FLUSH_SECONDS)
        committed = True

    try:
        yield commit
    finally:
        if not committed:
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
        settings |= {"transactional.id": transactional_id, "transaction.timeout.ms": KAFKA_TRANSACTION_TIMEOUT_MS}
    return Producer(settings)


def _produce(producer: Producer, topic: str, transactions: Iterable[KeyedMessage]) -> None:
    """Send everything and wait for its delivery.

    Raises:
        Stop: not everything was delivered in time.
    """
    for key, value in transactions:
        while True:
            try:
                producer.produce(topic, value, key)
            except BufferError:
                producer.poll(0.1)
            else:
                break
    if producer.flush(FLUSH_SECONDS):
        raise Stop(f"{topic} could not be filled in time")
