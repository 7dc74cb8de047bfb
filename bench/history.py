"""Cost of the history: memory per customer, time per transaction, and the rate of a restore."""

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import psutil
from confluent_kafka import Consumer, Producer, TopicPartition

from bench.figures import Figures, Goal, figure, ratio
from bench.servers import Servers
from services.common.contract.load import read_contract
from services.common.errors import Stop
from services.common.kafka.closing import close
from services.common.process import trim_malloc
from services.scorer.compile import compile_features
from services.scorer.history.changelog import to_records
from services.scorer.history.events import Events
from services.scorer.history.history import History
from services.scorer.history.restore import restore_histories
from services.scorer.settings import ScorerSettings

FEW_CUSTOMERS = 1_000
MIN_BYTES_A_TRANSACTION = 20
"""Time, amount, id and risk: the minimum that is stored of a transaction."""

TRANSACTIONS_EACH = 10
BATCH = 10_000

PLAN = compile_features(read_contract(ScorerSettings().model_dir))


def measure(servers: Servers, rounds: int, customers: int) -> Figures:
    """Return memory per customer, time per transaction with few and with many customers, and the rate of a restore."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:  # this process has freed memory, which it would reuse
        size, few, many = pool.submit(_measure_memory, rounds, customers).result()
    print(f"  {size:.0f} bytes per customer", flush=True)
    restored, raw = _restore(servers, rounds, customers // 2)
    return {
        "memory": figure(
            f"memory per customer, {customers:,} of {TRANSACTIONS_EACH} transactions",
            [size],
            "bytes",
            goal=Goal(at_most=1024),
        ),
        "recall_few": figure(f"a transaction among {FEW_CUSTOMERS:,} customers", few, "us"),
        "recall_many": figure(f"a transaction among {customers:,} customers", many, "us"),
        "restore": figure("restored from the changelog", restored, "customers/s", goal=Goal(at_least=200_000)),
        "restore_raw": figure("the same records only consumed (the limit)", raw, "customers/s"),
        "restore_ratio": ratio("restored / consumed", restored, raw),
    }


def _measure_memory(rounds: int, customers: int) -> tuple[float, list[float], list[float]]:
    """Return bytes per customer, and in turn microseconds per transaction of few customers and of many.

    Raises:
        Stop: the process grew by less than the transactions take, so its growth says nothing.
    """
    few, many = _Customers(FEW_CUSTOMERS), _Customers(customers)
    few.pay(FEW_CUSTOMERS * TRANSACTIONS_EACH)
    before = _resident_bytes()
    many.pay(customers * TRANSACTIONS_EACH)
    size = (_resident_bytes() - before) / customers
    if size < TRANSACTIONS_EACH * MIN_BYTES_A_TRANSACTION:
        raise Stop(f"{size:.0f} bytes per customer is impossible: the process had free memory")
    turns = [(few.pay(customers // rounds), many.pay(customers // rounds)) for _ in range(rounds)]
    return size, [one for one, _ in turns], [other for _, other in turns]


class _Customers:
    """A history of customers who pay in turn."""

    def __init__(self, customers: int) -> None:
        self._customers = customers
        self._history = History(PLAN.numbers)
        self._paid = 0

    def pay(self, transactions: int) -> float:
        """Add transactions; return the microseconds that each took."""
        seconds = 0.0
        for start in range(self._paid, self._paid + transactions, BATCH):
            numbers = np.arange(start, min(start + BATCH, self._paid + transactions), dtype=np.uint64)
            batch = _events(numbers, self._customers)
            started = time.perf_counter()
            self._history.observe(batch, PLAN.readings)
            seconds += time.perf_counter() - started
        self._paid += transactions
        return seconds / transactions * 1e6


def _restore(servers: Servers, rounds: int, customers: int) -> tuple[list[float], list[float]]:
    """Return customers per second of restores, and of plain reads of the same records, in turn."""
    topics = servers.make_topics("restore")
    producer = Producer(
        {
            "bootstrap.servers": servers.kafka.bootstrap,
            "allow.auto.create.topics": False,
            "queue.buffering.max.messages": 4 * BATCH,
        }
    )
    history = History(PLAN.numbers)
    for start in range(0, customers, BATCH):
        batch = _events(np.arange(start, min(start + BATCH, customers), dtype=np.uint64), customers)
        past = history.observe(batch, PLAN.readings)
        records = to_records(PLAN.numbers, batch, past.sequences, past.evicted.get(0, ()))
        producer.produce_batch(topics.history, records, partition=0)
        producer.flush()
    restored: list[float] = []
    consumed: list[float] = []
    for _ in range(rounds):
        started = time.perf_counter()
        history = History(PLAN.numbers)
        histories = restore_histories(servers.kafka_settings, topics.history, PLAN.numbers, [0], lambda: None)
        for partition, found in histories:
            history.take_over(partition, found.history)
        restored.append(customers / (time.perf_counter() - started))
        if len(history) != customers:
            raise Stop(f"{len(history)} of {customers} customers were restored")
        consumed.append(customers / _consume(servers, topics.history))
    print(f"  {restored[-1]:,.0f} customers/s restored, {consumed[-1]:,.0f} only consumed", flush=True)
    return restored, consumed


def _consume(servers: Servers, topic: str) -> float:
    """Return the seconds it takes to read all records of a topic; they are in its first partition."""
    records = servers.offsets(topic)
    consumer = Consumer(
        {
            "bootstrap.servers": servers.kafka.bootstrap,
            "allow.auto.create.topics": False,
            "group.id": "raw",
            "isolation.level": "read_committed",
        }
    )
    started, seen = time.perf_counter(), 0
    consumer.assign([TopicPartition(topic, 0, 0)])
    while seen < records:
        seen += len(consumer.consume(20_000, 0.2))
    seconds = time.perf_counter() - started
    close(consumer)
    return seconds


def _events(numbers: "np.typing.NDArray[np.uint64]", customers: int) -> Events:
    """Return transactions of customers in turn, ten hours apart for each."""
    seconds = 1_546_300_800 + (numbers // np.uint64(customers)).astype(np.int64) * 36_000
    amounts = (numbers % np.uint64(997)).astype(np.float32) + 1
    hashes = (numbers % np.uint64(customers)) * np.uint64(0x9E3779B97F4A7C15)
    return Events(hashes, seconds, numbers, np.array([amounts, amounts / np.float32(1_000)], np.float32))


def _resident_bytes() -> int:
    trim_malloc()  # as the scorer does every 10 s
    return int(psutil.Process().memory_info().rss)
