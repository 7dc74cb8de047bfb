"""services.common.kafka.lag: the thread that watches, without a broker."""

import threading
from collections.abc import Mapping

import pytest
from confluent_kafka import KafkaError, KafkaException
from prometheus_client import CollectorRegistry, Gauge

from services.common.kafka import offsets as broker_query
from services.common.kafka.lag import Lag, LagReader, LagWatch
from services.common.kafka.offsets import BrokerQuery, Partition
from services.common.settings import KafkaSettings

PLACE = ("transactions", 0)


class FakeReader(LagReader):
    """A reader that answers at once, and says who closed it."""

    def __init__(self) -> None:
        super().__init__(KafkaSettings(), "lag")
        self.asked = threading.Event()
        self.closed_by = ""

    def read(self, next_offsets: Mapping[Partition, int]) -> dict[Partition, Lag]:
        self.asked.set()
        return {place: Lag(7, 1.5) for place in next_offsets}

    def close(self) -> None:
        self.closed_by = threading.current_thread().name


def test_a_watch_that_is_closed_ends_its_thread_and_the_clients() -> None:
    """By the thread that uses them; and it does not wait for the next reading."""
    registry, reader = CollectorRegistry(), FakeReader()
    messages, seconds = (Gauge(name, name, ["topic", "partition"], registry=registry) for name in ("m", "s"))
    watch = LagWatch(reader, lambda: {PLACE: 3}, messages, seconds).start()
    assert reader.asked.wait(10)

    watch.close()

    assert reader.closed_by == "lag"
    assert not watch._thread.is_alive()
    assert registry.get_sample_value("m", {"topic": "transactions", "partition": "0"}) == 7


def test_a_client_that_failed_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new one is, until that fails; one that answers is kept."""
    made: list[object] = []

    def make(_: object) -> object:
        made.append(object())
        return made[-1]

    monkeypatch.setattr(broker_query, "AdminClient", make)
    query, asked = BrokerQuery(KafkaSettings()), list[object]()

    def refuse(admin: object) -> None:
        asked.append(admin)
        raise KafkaException(KafkaError(KafkaError.FENCED_LEADER_EPOCH))

    for _ in range(2):
        with pytest.raises(KafkaException):
            query.ask(refuse)
    assert query.ask(lambda admin: admin) is query.ask(lambda admin: admin)
    assert asked == made[:2]
    assert len(made) == 3
