"""Rows that the database refuses: their records are found in one pass over the batch."""

from typing import Any

from services.common.errors import Reason, Reject
from services.common.kafka.assignment import Batch
from services.sink.rejects import RejectRow
from services.sink.write import _Refused

COUNT = 1_000


class Message:
    """A record of Kafka; counts how often it is asked where it comes from."""

    asked = 0

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def topic(self) -> str:
        return "scores"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        Message.asked += 1
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        return 1, 0

    def key(self) -> bytes:
        return b"%d" % self._offset

    value = key


def test_a_batch_that_is_refused_whole_costs_a_few_looks_at_each_message() -> None:
    """Not one at every other message for each."""
    messages: list[Any] = [Message(offset) for offset in range(COUNT)]
    rejects: list[RejectRow] = []
    refuse = _Refused(Batch(messages), "scores", rejects)

    for offset in reversed(range(COUNT)):
        refuse(("t", 7.0, 0, offset), Reject(Reason.OUT_OF_RANGE, "", "no"))

    assert [reject.value for reject in rejects] == [b"%d" % offset for offset in reversed(range(COUNT))]
    assert Message.asked <= 3 * COUNT
