"""services.common.kafka.assignment: which records are accepted, and what brokers answer."""

import contextlib
import gc
import weakref
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, cast

import pytest
from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # re-exported without saying so
    AdminClient,
    ListOffsetsResultInfo,
    OffsetSpec,
)

from services.common.errors import Retry
from services.common.kafka.assignment import Batch, Ownership
from services.common.kafka.offsets import EARLIEST, LATEST, watermarks

NO_CONSUMER = cast(Consumer, None)


@dataclass
class FakeMessage:
    at_partition: int
    at_offset: int
    failure: KafkaError | None = None

    def error(self) -> KafkaError | None:
        return self.failure

    def topic(self) -> str:
        return "t"

    def partition(self) -> int:
        return self.at_partition

    def offset(self) -> int:
        return self.at_offset

    def timestamp(self) -> tuple[int, int]:
        return 1, 1_000 * self.at_offset


def accept(ownership: Ownership, *places: tuple[int, int]) -> tuple[list[tuple[int, int]], Batch]:
    messages: Any = [FakeMessage(*place) for place in places]
    batch = ownership.accept(messages)
    return [(m.partition() or 0, m.offset() or 0) for m in batch.messages], batch


@pytest.fixture
def ownership() -> Ownership:
    own = Ownership()
    own.on_assign(NO_CONSUMER, [TopicPartition("t", 0), TopicPartition("t", 1)])
    own.set_positions({("t", 0): 5, ("t", 1): 0})
    return own


def test_only_new_records_of_owned_partitions_are_accepted(ownership: Ownership) -> None:
    """What is below the next offset, and what belongs to others, is dropped."""
    accepted, batch = accept(ownership, (0, 4), (0, 5), (2, 0), (1, 0), (0, 6))

    assert accepted == [(0, 5), (1, 0), (0, 6)]
    assert batch.next_offsets == {("t", 0): 7, ("t", 1): 1}
    assert batch.first_offsets == {("t", 0): 5, ("t", 1): 0}


def test_a_record_fetched_twice_is_accepted_once(ownership: Ownership) -> None:
    """Within a batch, as after a revoke and a new assignment, and across batches."""
    accepted, batch = accept(ownership, (0, 5), (0, 6), (0, 5), (0, 6), (0, 7))
    ownership.advance(batch)
    again, _ = accept(ownership, (0, 6), (0, 7), (0, 8))

    assert accepted == [(0, 5), (0, 6), (0, 7)]
    assert again == [(0, 8)]


def test_a_batch_that_failed_is_accepted_again(ownership: Ownership) -> None:
    """Only advance() makes records old."""
    accept(ownership, (0, 5))

    assert accept(ownership, (0, 5))[0] == [(0, 5)]


def test_an_assigned_partition_waits_for_its_position(ownership: Ownership) -> None:
    """Nothing of it is accepted before it is known where it stands."""
    ownership.on_assign(NO_CONSUMER, [TopicPartition("t", 2)])
    before, _ = accept(ownership, (2, 9))
    ownership.set_positions({("t", 2): 9})

    assert before == []
    assert accept(ownership, (2, 9))[0] == [(2, 9)]


def test_a_revoked_partition_is_given_up_at_once(ownership: Ownership) -> None:
    """Its records are dropped, a late advance() does not bring it back, a late set_positions() neither."""
    _, batch = accept(ownership, (0, 5))
    ownership.on_revoke(NO_CONSUMER, [TopicPartition("t", 0)])
    ownership.advance(batch)
    ownership.set_positions({("t", 0): 5})

    assert accept(ownership, (0, 5))[0] == []


def test_a_slow_consumer_is_made_anew(ownership: Ownership) -> None:
    """The group reassigned its partitions: the batch is dropped."""
    messages: Any = [FakeMessage(0, 5, KafkaError(KafkaError._MAX_POLL_EXCEEDED))]

    with pytest.raises(Retry):
        ownership.accept(messages)


def test_an_offset_that_the_partition_does_not_hold_is_an_error(ownership: Ownership) -> None:
    """Removed by retention, or of a topic that was recreated: never skipped in silence."""
    gone = KafkaError(KafkaError._AUTO_OFFSET_RESET)

    with pytest.raises(Retry, match="t/0 does not hold offset 5"):
        ownership.accept([FakeMessage(0, 5, gone)])  # type: ignore[list-item]


@pytest.mark.parametrize(("partition", "offset"), [(0, 4), (0, OFFSET_INVALID), (2, 9)])
def test_an_offset_that_is_not_wanted_any_more_is_no_error(ownership: Ownership, partition: int, offset: int) -> None:
    """It was asked for before the partition was sought to another place, or the partition is not ours."""
    gone = KafkaError(KafkaError._AUTO_OFFSET_RESET)

    assert not ownership.accept([FakeMessage(partition, offset, gone)])  # type: ignore[list-item]


class Undecided:
    """An admin client whose broker leads a partition and cannot say yet where it ends."""

    def list_offsets(self, wanted: dict[TopicPartition, OffsetSpec], **_: object) -> dict[TopicPartition, object]:
        answers: dict[TopicPartition, object] = {}
        for place in wanted:
            answers[place] = answer = Future[ListOffsetsResultInfo]()
            answer.set_result(ListOffsetsResultInfo(-1, -1, -1))
        return answers


def test_an_edge_that_the_broker_does_not_know_is_no_offset() -> None:
    """Taken for one, it would be kept in the database, or mean that the topic was recreated."""
    with pytest.raises(KafkaException, match="OFFSET_NOT_AVAILABLE"):
        watermarks(cast(AdminClient, Undecided()), [("t", 0)], LATEST)


class Refused:
    """An admin client that every broker refuses."""

    def list_offsets(self, wanted: dict[TopicPartition, OffsetSpec], **_: object) -> dict[TopicPartition, object]:
        answers: dict[TopicPartition, object] = {}
        for place in wanted:
            answers[place] = answer = Future[ListOffsetsResultInfo]()
            answer.set_exception(KafkaException(KafkaError(KafkaError._TIMED_OUT)))
        return answers


def test_a_client_that_was_refused_ends_with_its_last_user() -> None:
    """Not when Python looks for cycles: it has threads."""
    client = Refused()
    ended = weakref.ref(client)
    gc.disable()
    try:
        with contextlib.suppress(KafkaException):
            watermarks(cast(AdminClient, client), [("t", 0), ("t", 1)], EARLIEST)
        del client
        assert ended() is None
    finally:
        gc.enable()
