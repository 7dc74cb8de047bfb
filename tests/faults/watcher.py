"""Reads `scores` while they come, as a consumer of them would (read_committed): who is late, and what was seen."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, TopicPartition

from services.common.kafka.closing import close
from tests.faults.feeder import Feeder
from tests.support.processes import wait_for


class Watcher:
    """Watches while the block lasts."""

    def __init__(self, bootstrap: str, topic: str, partitions: int) -> None:
        self.seen: Counter[str] = Counter()
        self.freshest: dict[int, float] = {}
        """Partition of `transactions` -> when the newest transaction of it was sent whose score has been seen."""
        self._partitions = partitions
        self._feeder: Feeder | None = None
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "watcher",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.queue.backoff.ms": 20,
                "reconnect.backoff.max.ms": 1_000,  # as the services: it must not be late itself
                "log_level": 2,
            }
        )
        self._consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ending.set()
        self._thread.join()
        close(self._consumer)

    def follow(self, feeder: Feeder) -> None:
        """Compare with what this feeder sends."""
        self._feeder = feeder

    def seconds_to_recover(self, since: float, within: float, explain: Callable[[], str]) -> float:
        """Wait until transactions sent after `since` (monotonic) are scored in every partition; return the seconds."""
        wait_for(
            lambda: min(self.freshest.get(partition, 0.0) for partition in range(self._partitions)) > since,
            within,
            lambda: f"not scored within {within} s: {self._late(since)}\n{explain()}",
        )
        return time.monotonic() - since

    def seconds_behind(self) -> float:
        """Return how old the newest scored transaction of the slowest partition is."""
        return time.monotonic() - min(self.freshest.get(partition, 0.0) for partition in range(self._partitions))

    def _late(self, since: float) -> dict[int, float]:
        ages = {partition: self.freshest.get(partition, 0.0) - since for partition in range(self._partitions)}
        return {partition: round(age, 2) for partition, age in ages.items() if age <= 0}

    def _watch(self) -> None:
        while not self._ending.is_set():
            for message in self._consumer.consume(5_000, 0.1):
                if message.error():
                    continue
                name = (message.key() or b"").decode()
                self.seen[name] += 1
                sent = self._feeder.by_id.get(name) if self._feeder else None
                if sent:
                    self.freshest[sent.partition] = max(sent.at, self.freshest.get(sent.partition, 0.0))
