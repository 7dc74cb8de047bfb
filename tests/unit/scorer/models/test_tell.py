"""services.scorer.models.shadow: comparisons by a producer that may have failed for good."""

from typing import Any, ClassVar

import pytest
from confluent_kafka import KafkaError, KafkaException

from services.common.settings import KafkaSettings
from services.scorer.models import shadow
from services.scorer.models.shadow import ShadowPublisher

RECORD: Any = {"key": b"tally", "value": b"{}"}


class FakeProducer:
    """A producer whose first specimen takes one message and fails for good at the next one."""

    made: ClassVar[list["FakeProducer"]] = []

    def __init__(self, _: object) -> None:
        self.taken = 0
        FakeProducer.made.append(self)

    def produce(self, *_: object) -> None:
        if self is FakeProducer.made[0] and self.taken:
            raise KafkaException(KafkaError(KafkaError._FATAL))
        self.taken += 1

    def poll(self, timeout: float) -> int:
        return int(timeout)


def test_a_producer_that_failed_for_good_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message that found it out goes by a new one, and so do those after it."""
    monkeypatch.setattr(FakeProducer, "made", [])
    monkeypatch.setattr(shadow, "Producer", FakeProducer)
    teller = ShadowPublisher(KafkaSettings(), "models")

    for _ in range(3):
        teller.tell(RECORD)

    assert [producer.taken for producer in FakeProducer.made] == [1, 2]
