"""What the page asks of a real Kafka and a real PostgreSQL while nobody looks."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from services.common.settings import GroupNames, KafkaSettings, TopicSettings
from stack.servers import PostgresServer
from tests.support.page import Connection as Mart
from tests.support.page import add
from tests.support.processes import wait_for
from ui.database import Connection, Database
from ui.files.journal import watch_uploads
from ui.live.reading import watch_all
from ui.threshold.models import watch_model
from ui.watch import Watch

T = TypeVar("T")


class CountingDatabase(Database):
    """Counts what it is asked."""

    asked = 0

    def ask(self, query: Callable[[Connection], T], connect_seconds: float = 3.0) -> T | None:
        """Count, and ask."""
        self.asked += 1
        return super().ask(query, connect_seconds)


@pytest.fixture
def counted(database: PostgresServer) -> Iterator[CountingDatabase]:
    page = CountingDatabase(database.conninfo)
    page.open()
    yield page
    page.close()


def at_rest(watch: Watch[Any]) -> bool:
    return watch.last().tried and not watch._current.is_set()


@pytest.mark.slow
def test_servers_are_left_alone_until_somebody_looks(
    counted: CountingDatabase, mart: Mart, kafka: str, topics: TopicSettings
) -> None:
    """Each watch reads once and rests; the first look afterwards shows what was scored meanwhile."""
    live = watch_all(counted, KafkaSettings(bootstrap_servers=kafka), topics, GroupNames())
    of_mart = (live.mart, watch_model(counted), watch_uploads(counted))
    watches: tuple[Watch[Any], ...] = (*of_mart, live.lag)
    for watch in watches:
        watch.start()
    try:
        wait_for(lambda: all(at_rest(one) for one in watches), 20, lambda: "the watches do not rest")
        assert counted.asked == len(of_mart)
        add(mart, 0.9, 0.1)
        seen = live.mart.look()
        assert seen.fresh
        assert seen.value is not None
        assert [row.transaction_id for row in seen.value.rows] == ["p-1", "p-0"]
        assert counted.asked > len(of_mart)
    finally:
        for watch in watches:
            watch.stop()
