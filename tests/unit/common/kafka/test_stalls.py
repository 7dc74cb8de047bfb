"""A consumer that has nothing to read, one that does not read, and one that waits for a stable offset."""

from collections.abc import Iterable

import pytest
from confluent_kafka import IsolationLevel, KafkaError, KafkaException

from services.common.kafka.offsets import BrokerQuery, Partition
from services.common.kafka.stalls import GAP_SECONDS, StallMonitor
from services.common.settings import KafkaSettings

PLACE: Partition = ("transactions", 0)
STEP_SECONDS = 0.5


class Brokers(BrokerQuery):
    """A partition with a last stable offset and an end; None: nobody answers."""

    def __init__(self) -> None:
        super().__init__(KafkaSettings())
        self.stable, self.end, self.asked = 100, 100, 0
        self.unavailable = False

    def watermarks(
        self,
        partitions: Iterable[Partition],
        edge: object,  # noqa: ARG002  # always the latest
        isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
        timeout_seconds: float = 0.0,  # noqa: ARG002  # it answers at once
    ) -> dict[Partition, int]:
        self.asked += 1
        if self.unavailable:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        offset = self.stable if isolation == IsolationLevel.READ_COMMITTED else self.end
        return dict.fromkeys(partitions, offset)


class Reader:
    """Reads in vain, twice a second, by a clock of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        monkeypatch.setattr("services.common.kafka.stalls.time.monotonic", lambda: self.now)
        self.brokers = Brokers()
        self.monitor = StallMonitor(self.brokers)
        self.position, self.told = 100, 0

    def read(self, seconds: float, *, got_messages: bool = False) -> None:
        for _ in range(round(seconds / STEP_SECONDS)):
            self.now += STEP_SECONDS
            self.told += self.monitor.note(got_messages=got_messages, positions=lambda: {PLACE: self.position})


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    return Reader(monkeypatch)


def test_an_idle_stream_is_no_stall(reader: Reader) -> None:
    """Nothing to read for an hour: the brokers are asked every 10 s, twice."""
    reader.read(3_600)

    assert not reader.monitor.stalled
    assert not reader.monitor.held
    assert reader.brokers.asked == pytest.approx(2 * 358, abs=4)


def test_messages_that_nobody_reads_are_a_stall(reader: Reader) -> None:
    """Within 30 s of silence; the first message that comes ends it."""
    reader.brokers.stable = reader.brokers.end = 200
    reader.read(19)
    assert not reader.monitor.stalled
    reader.read(12)
    assert reader.monitor.stalled == {PLACE}
    assert reader.told == 0

    reader.read(STEP_SECONDS, got_messages=True)
    assert not reader.monitor.stalled


def test_a_message_that_has_just_come_is_no_stall(reader: Reader) -> None:
    """One look finds it before it is read, the next one does not."""
    reader.read(20)
    reader.brokers.stable = reader.brokers.end = 101
    reader.read(10)
    reader.position = 101
    reader.read(30)
    assert not reader.monitor.stalled


def test_a_stable_offset_that_does_not_move_is_told_at_each_look(reader: Reader) -> None:
    """The process is ready: it cannot help it, nor would another one."""
    reader.brokers.end = 150
    reader.read(55)

    assert reader.monitor.held == {PLACE}
    assert not reader.monitor.stalled
    assert reader.told == 3


def test_transactions_that_come_and_go_are_not_told(reader: Reader) -> None:
    """Each look finds one open, but never the same."""
    for offset in range(110, 300, 10):
        reader.brokers.end = offset
        reader.read(5)
        reader.brokers.stable = reader.position = offset
        reader.brokers.end = offset + 5
        reader.read(5)
    assert reader.told == 0


@pytest.mark.parametrize("gap", [GAP_SECONDS + 1, 600.0])
def test_a_restore_or_an_outage_of_the_database_is_no_stall(reader: Reader, gap: float) -> None:
    """Nobody read meanwhile, so the silence begins anew."""
    reader.brokers.stable = reader.brokers.end = 200
    for _ in range(5):
        reader.read(19)
        reader.now += gap
    assert not reader.monitor.stalled


def test_brokers_that_do_not_answer_are_no_stall(reader: Reader) -> None:
    reader.brokers.stable = reader.brokers.end = 200
    reader.brokers.unavailable = True
    reader.read(120)
    assert not reader.monitor.stalled
