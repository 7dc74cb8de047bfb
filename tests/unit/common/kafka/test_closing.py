"""Closing consumers: bounded, and no answer is given to a client that is ending."""

import threading
import time
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from services.common.errors import Stop
from services.common.kafka.closing import ANSWER_SECONDS, CloseTimeout, Membership, close

SOME, OTHERS = [TopicPartition("t", 0)], [TopicPartition("t", 1), TopicPartition("t", 2)]
REFUSED = KafkaError(KafkaError._DESTROY)


class FakeConsumer:
    """A consumer whose close() delivers callbacks; as librdkafka it ends after the first answer, a little later."""

    def __init__(self, *asked: str) -> None:
        self.asked = asked
        self.done: list[str] = []
        self.answers_at_end = 0
        self.tries = 0
        self.callbacks: dict[str, Any] = {}

    def subscribe(self, topics: list[str], **callbacks: Any) -> None:
        self.done.append(f"subscribe {topics}")
        self.callbacks = callbacks

    def consume(self, _: int, seconds: float) -> list[object]:
        self.done.append(f"consume {seconds}")
        return []

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        self._answer("assign", partitions)

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        self._answer("unassign", partitions)

    def _answer(self, name: str, partitions: list[TopicPartition]) -> None:
        self.done.append(f"{name} {len(partitions)}")
        if self.tries >= 3:
            self.answers_at_end += 1
            raise KafkaException(REFUSED)

    def committed(self, _: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        assert 0 < timeout < 1
        self.tries += 1
        if self.tries < 3:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        raise KafkaException(REFUSED)

    def close(self) -> None:
        for number, callback in enumerate(self.asked):
            self.callbacks[callback](self, SOME if number == 0 else OTHERS)
        self.done.append("closed")


class FailingConsumer:
    def close(self) -> None:
        raise KafkaException(REFUSED)


class HangingConsumer:
    def __init__(self) -> None:
        self.let_go = threading.Event()

    def close(self) -> None:
        self.let_go.wait(10)


def member(fake: FakeConsumer) -> tuple[Membership, list[str]]:
    told: list[str] = []

    def on_assign(consumer: Consumer, partitions: list[TopicPartition]) -> None:
        told.append("assigned")
        consumer.incremental_assign(partitions)

    membership = Membership(cast(Consumer, fake), on_assign, lambda *_: told.append("revoked"))
    membership.subscribe(["t"])
    fake.done.clear()
    return membership, told


def test_what_close_raises_is_left_out() -> None:
    close(cast(Consumer, FailingConsumer()))


def test_who_does_not_close_in_time_is_given_up() -> None:
    """The process is to end: so it is a Stop."""
    consumer = HangingConsumer()
    started = time.monotonic()
    with pytest.raises(CloseTimeout, match="not closed within") as given_up:
        close(cast(Consumer, consumer), 0.1)
    assert time.monotonic() - started < 5
    assert isinstance(given_up.value, Stop)
    consumer.let_go.set()


def test_before_the_close_changes_are_passed_on_and_revokes_answered() -> None:
    fake = FakeConsumer()
    _, told = member(fake)
    fake.callbacks["on_assign"](fake, SOME)
    fake.callbacks["on_revoke"](fake, SOME)
    fake.callbacks["on_lost"](fake, OTHERS)
    assert told == ["assigned", "revoked", "revoked"]
    assert fake.done == ["assign 1", "unassign 1", "unassign 2"]


def test_the_group_is_answered_before_the_close() -> None:
    fake = FakeConsumer()
    member(fake)[0].close()
    assert fake.done == [f"consume {ANSWER_SECONDS}", "closed"]


@pytest.mark.parametrize("first", ["on_assign", "on_revoke"])
def test_of_two_callbacks_in_a_close_the_second_waits_until_the_client_refuses(first: str) -> None:
    """It would never be answered: the client has ended its part of the group by then, or is about to."""
    fake = FakeConsumer(first, "on_revoke")
    membership, told = member(fake)
    membership.close(answer_seconds=0)
    assert fake.done == [f"{'assign' if first == 'on_assign' else 'unassign'} 1", "unassign 2", "closed"]
    assert (fake.tries, fake.answers_at_end) == (3, 1)
    assert told == ["revoked"] * (1 if first == "on_assign" else 2)


def test_a_client_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """And its second callback is not answered meanwhile."""
    fake = FakeConsumer("on_revoke", "on_revoke")
    may_end = threading.Event()
    monkeypatch.setattr("services.common.kafka.closing._has_ended", lambda *_: may_end.wait(0.01))
    with pytest.raises(CloseTimeout):
        member(fake)[0].close(0.1, answer_seconds=0)
    assert fake.done == ["unassign 1"]
    may_end.set()
