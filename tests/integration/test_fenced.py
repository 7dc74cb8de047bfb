"""A member of a group whose place another process takes."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from services.common.errors import Retry, Stop
from services.common.settings import KafkaSettings, TopicSettings
from services.sink.read import SinkSource
from services.sink.settings import SinkSettings
from tests.support.processes import wait_for


@pytest.fixture
def join(kafka: str, topics: TopicSettings) -> Iterator[Callable[[], SinkSource]]:
    """Make a member, each time under the same name."""
    sources: list[SinkSource] = []

    def make() -> SinkSource:
        settings = SinkSettings(group_id=topics.scores)
        sources.append(SinkSource(KafkaSettings(bootstrap_servers=kafka), settings, [topics.scores], "one"))
        return sources[-1]

    yield make
    for source in sources:
        source.close()


def read(source: SinkSource) -> None:
    with contextlib.suppress(Retry):
        source.read(lambda lows, _: dict(lows))


def idle(source: SinkSource) -> None:
    source.idle(0.2)


@pytest.mark.parametrize("step", [read, idle])
def test_a_member_whose_place_is_taken_stops(
    join: Callable[[], SinkSource], step: Callable[[SinkSource], None]
) -> None:
    """Whether it reads or waits for the database: librdkafka reports it once and then does nothing any more."""

    def ready(source: SinkSource) -> bool:
        read(source)
        return source.ready

    first = join()
    wait_for(lambda: ready(first), 60)
    second = join()
    wait_for(lambda: ready(second), 60)

    with pytest.raises(Stop, match=r"failed for good.*fenced"):
        for _ in range(300):
            step(first)
