"""Services that keep their promise badly, to show that the suite notices.

at_least_once   produce, flush, then commit the offsets with the consumer: what is usually written
at_most_once    commit the offsets first, then produce
assigned        a sink that takes all partitions for its own, whatever the group says
"""

from collections.abc import Callable
from typing import Any

import confluent_kafka
from confluent_kafka import KafkaException, TopicPartition

from tests.faults.failpoints import Failpoints

_consumers: list[Any] = []
"""The consumers of this process; the last one is the loop's."""


def install(name: str, points: Failpoints) -> None:
    """Turn this process's services into a variant."""
    {"at_least_once": _without_transactions, "at_most_once": _without_transactions, "assigned": _assigned}[name](
        name, points
    )


def _without_transactions(name: str, points: Failpoints) -> None:
    class UsualProducer(confluent_kafka.Producer):
        def __init__(self, config: dict[str, Any]) -> None:
            usual = {key: value for key, value in config.items() if not key.startswith("transaction")}
            super().__init__(usual | {"enable.idempotence": True})
            self._held: list[tuple[str, list[dict[str, Any]], dict[str, Any]]] = []
            self._offsets: list[TopicPartition] = []

        def init_transactions(self, *_: Any) -> None:
            """There are none."""

        def begin_transaction(self) -> None:
            """There is none."""

        def abort_transaction(self, *_: Any) -> None:
            """There is none: what was produced stays."""

        def produce_batch(self, *arguments: Any, **options: Any) -> int:
            topic, messages = arguments
            self._held.append((topic, messages, options))
            return len(messages)

        def send_offsets_to_transaction(self, offsets: list[TopicPartition], *_: Any) -> None:
            self._offsets = offsets

        def commit_transaction(self, *_: Any) -> None:
            first, then = (self._produce, self._commit) if name == "at_least_once" else (self._commit, self._produce)
            first()
            points.reach("produced")
            then()

        def _produce(self) -> None:
            held, self._held = self._held, []
            for topic, messages, options in held:
                super().produce_batch(topic, messages, **options)
            self.flush(10)

        def _commit(self) -> None:
            _consumers[-1].commit(offsets=self._offsets, asynchronous=False)

    class UsualConsumer(confluent_kafka.Consumer):
        def subscribe(self, *arguments: Any, **options: Any) -> None:
            _consumers.append(self)
            super().subscribe(*arguments, **options)

    confluent_kafka.Producer = UsualProducer  # type: ignore[misc, assignment]
    confluent_kafka.Consumer = UsualConsumer  # type: ignore[misc]


def _assigned(_: str, __: Failpoints) -> None:
    class AssignedConsumer(confluent_kafka.Consumer):
        _tell: Callable[[], None] | None = None

        def subscribe(self, *arguments: Any, **options: Any) -> None:
            [topics], on_assign = arguments, options["on_assign"]
            metadata = self.list_topics(timeout=10).topics
            places = [TopicPartition(topic, partition) for topic in topics for partition in metadata[topic].partitions]

            def tell() -> None:
                on_assign(self, places)  # the reader assigns them

            self._tell = tell

        def consume(self, *arguments: Any) -> list[confluent_kafka.Message]:
            if self._tell:  # a real one calls back from here too
                tell, self._tell = self._tell, None
                tell()
            messages: list[confluent_kafka.Message] = super().consume(*arguments)
            return messages

        def commit(self, *arguments: Any, **options: Any) -> Any:
            try:
                return super().commit(*arguments, **options)
            except KafkaException:
                return None

    confluent_kafka.Consumer = AssignedConsumer  # type: ignore[misc]
