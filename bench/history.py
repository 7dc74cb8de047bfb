"""What remembering costs: memory and time a customer, and how fast a history is restored."""

import time
from pathlib import Path

import numpy as np
from confluent_kafka import Consumer, Producer, TopicPartition

from bench.servers import Servers
from services.scorer.changelog import to_records
from services.scorer.events import Events
from services.scorer.history import History
from services.scorer.restore import restore_histories

CUSTOMERS = 1_000_000
FEW_CUSTOMERS = 1_000
PAYMENTS_EACH = 10
BATCH = 10_000
RESTORED_CUSTOMERS = 500_000


def measure(servers: Servers) -> dict[str, dict[str, object]]:
    """Return bytes a customer, microseconds a payment at few and at many customers, and the rate of a restore."""
    few, _ = _observe(FEW_CUSTOMERS, 1_000)
    many, size = _observe(CUSTOMERS, PAYMENTS_EACH)
    restored, raw = _restore(servers)
    return {
        "memory": _figure(f"history: memory a customer, {CUSTOMERS:,} of {PAYMENTS_EACH} payments", size, "bytes"),
        "recall_few": _figure(f"history: a payment among {FEW_CUSTOMERS:,} customers", few, "us"),
        "recall_many": _figure(f"history: a payment among {CUSTOMERS:,} customers", many, "us"),
        "restore": _figure("history: restored from the changelog", restored, "customers/s"),
        "restore_raw": _figure("  the same records only consumed (the limit)", raw, "records/s"),
    }


def _figure(what: str, value: float, unit: str) -> dict[str, object]:
    return {"what": what, "value": round(value, 2) if value < 100 else round(value), "unit": unit}


def _observe(customers: int, each: int) -> tuple[float, float]:
    """Return microseconds a payment and bytes of memory a customer."""
    before, history = _resident_bytes(), History()
    seconds = 0.0
    for number in range(customers * each // BATCH):
        batch = _events(np.arange(BATCH, dtype=np.uint64) + number * BATCH, customers)
        started = time.perf_counter()
        history.observe(batch)
        seconds += time.perf_counter() - started
    return seconds / (customers * each) * 1e6, (_resident_bytes() - before) / customers


def _restore(servers: Servers) -> tuple[float, float]:
    """Return customers a second of a restore, and records a second of a plain read of the same topic."""
    topic = servers.make_topics("restore").history
    producer = Producer({"bootstrap.servers": servers.kafka.bootstrap, "queue.buffering.max.messages": 2 * BATCH})
    history = History()
    for start in range(0, RESTORED_CUSTOMERS, BATCH):
        batch = _events(np.arange(start, start + BATCH, dtype=np.uint64), RESTORED_CUSTOMERS)
        past = history.observe(batch)
        producer.produce_batch(topic, to_records(batch, past.sequences, past.forgotten), partition=0)
        producer.flush()
    started = time.perf_counter()
    restored = restore_histories(servers.kafka_settings, topic, [0], lambda: None)
    seconds = time.perf_counter() - started
    assert len(restored[0]) == RESTORED_CUSTOMERS
    return RESTORED_CUSTOMERS / seconds, RESTORED_CUSTOMERS / _consume(servers, topic)


def _consume(servers: Servers, topic: str) -> float:
    consumer = Consumer(
        {"bootstrap.servers": servers.kafka.bootstrap, "group.id": "raw", "isolation.level": "read_committed"}
    )
    started, seen = time.perf_counter(), 0
    consumer.assign([TopicPartition(topic, 0, 0)])
    while seen < RESTORED_CUSTOMERS:
        seen += len(consumer.consume(20_000, 0.2))
    seconds = time.perf_counter() - started
    consumer.close()
    return seconds


def _events(numbers: "np.typing.NDArray[np.uint64]", customers: int) -> Events:
    """Return payments, a minute apart, of customers in turn."""
    seconds = 1_546_300_800 + (numbers // np.uint64(customers)).astype(np.int64) * 36_000
    amounts = (numbers % np.uint64(997)).astype(np.float32) + 1
    hashes = (numbers % np.uint64(customers)) * np.uint64(0x9E3779B97F4A7C15)
    return Events(hashes, seconds, amounts, numbers, amounts / np.float32(1_000))


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4_096
