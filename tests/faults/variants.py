"""Services that keep their promise badly, to show that the suite notices.

at_least_once   produce, flush, then commit the offsets: what is usually written
at_most_once    commit the offsets first, then produce
assigned        a sink that takes all partitions for its own, whatever the group says
unfenced        a scorer that begins the next Kafka transaction although a connection was lost

The first two commit in a Kafka transaction that holds the offsets alone, fenced as those of the real loop are. With the
consumer it cannot be done while another thread reads: a synchronous commit() has no timeout and hangs now and then
(confluent-kafka-python #1801).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import confluent_kafka
from confluent_kafka import KafkaException, Producer, TopicPartition

from tests.faults import faulty
from tests.faults.failpoints import Failpoints


def install(name: str, points: Failpoints) -> None:
    """Turn this process's services into a variant."""
    {
        "at_least_once": _in_two_steps,
        "at_most_once": _in_two_steps,
        "assigned": _assigned,
        "unfenced": _unfenced,
    }[name](name, points)


def _in_two_steps(name: str, points: Failpoints) -> None:
    class TwoStepProducer(Producer):
        def __init__(self, config: dict[str, Any]) -> None:
            super().__init__(config)
            own = {key: value for key, value in config.items() if not key.startswith("transaction")}
            self._plain = Producer(own | {"enable.idempotence": True})
            self._held: list[Callable[[], object]] = []
            self._offsets: tuple[Any, ...] = ()

        def begin_transaction(self) -> None:
            self._held = []  # of a batch whose offsets were refused: it is written again
            super().begin_transaction()

        def produce(self, *arguments: Any, **options: Any) -> None:
            self._held.append(partial(self._plain.produce, *arguments, **options))

        def produce_batch(self, *arguments: Any, **options: Any) -> int:
            _, messages = arguments
            self._held.append(partial(self._plain.produce_batch, *arguments, **options))
            return len(messages)

        def send_offsets_to_transaction(self, *arguments: Any) -> None:
            self._offsets = arguments

        def commit_transaction(self, *arguments: Any) -> None:
            produce, commit = self._produce, partial(self._commit, *arguments)
            first, then = (produce, commit) if name == "at_least_once" else (commit, produce)
            first()
            points.reach("produced")
            then()

        def _produce(self) -> None:
            held, self._held = self._held, []
            for produce in held:
                produce()
            self._plain.flush(10)

        def _commit(self, *arguments: Any) -> None:
            super().send_offsets_to_transaction(*self._offsets)
            super().commit_transaction(*arguments)

    confluent_kafka.Producer = TwoStepProducer  # type: ignore[misc, assignment]


def _assigned(_: str, __: Failpoints) -> None:
    class AssignedConsumer(confluent_kafka.Consumer):
        _report: Callable[[], None] | None = None

        def subscribe(self, *arguments: Any, **options: Any) -> None:
            [topics], on_assign = arguments, options["on_assign"]
            metadata = self.list_topics(timeout=10).topics
            places = [TopicPartition(topic, partition) for topic in topics for partition in metadata[topic].partitions]

            def report() -> None:
                on_assign(self, places)  # the reader assigns them

            self._report = report

        def consume(self, *arguments: Any) -> list[confluent_kafka.Message]:
            if self._report:  # a real one calls back from here too
                report, self._report = self._report, None
                report()
            messages: list[confluent_kafka.Message] = super().consume(*arguments)
            return messages

        def commit(self, *arguments: Any, **options: Any) -> Any:
            try:
                return super().commit(*arguments, **options)
            except KafkaException:
                return None

    confluent_kafka.Consumer = AssignedConsumer  # type: ignore[misc]


def _unfenced(_: str, points: Failpoints) -> None:
    faulty.install_kafka(points)
    from services.common.kafka.transaction import TransactionalProducer  # noqa: PLC0415  # it imports the real Producer

    TransactionalProducer._doubt = lambda _: None  # type: ignore[method-assign, assignment]
