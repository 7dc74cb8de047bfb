"""What the live view shows, read once for all who look. Knows the mart and the brokers, not the page."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from services.common.kafka.lag import GroupOffsets, GroupPosition, Lag, LagEstimator
from services.common.kafka.offsets import Partition
from services.common.settings import GroupNames, KafkaSettings, TopicSettings
from ui.database import Connection, Database
from ui.live.queries import LiveRow, Share, latest_flagged_rows, latest_rows, new_rows, share
from ui.live.timeline import Counter, Timeline
from ui.watch import Watch

EVERY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class LiveReading:
    """The mart at one moment; `rows` and `flagged` run from the latest arrival to the earliest."""

    rows: list[LiveRow]
    flagged: list[LiveRow]
    share: Share
    timeline: Timeline
    read_at: datetime


@dataclass(frozen=True)
class Live:
    """The two things that are watched: the mart, and how far the services are behind."""

    mart: Watch[LiveReading]
    lag: Watch[Lag]

    def start(self) -> None:
        """Begin to watch."""
        self.mart.start()
        self.lag.start()

    def stop(self) -> None:
        """Watch no more."""
        self.mart.stop()
        self.lag.stop()


def watch_all(mart: Database, kafka: KafkaSettings, topics: TopicSettings, groups: GroupNames) -> Live:
    """Return what watches the mart and the consumer groups, not started."""
    counter, waiting = Counter(), LagEstimator()
    offsets = GroupOffsets(kafka, {topics.transactions: groups.scorer_group_id, topics.scores: groups.sink_group_id})
    return Live(
        Watch(lambda: mart.ask(partial(read, counter=counter)), EVERY_SECONDS, "watch-mart"),
        Watch(partial(_lag, offsets.read, waiting, topics.scores), EVERY_SECONDS, "watch-lag"),
    )


def read(connection: Connection, counter: Counter) -> LiveReading:
    """Read the mart in one read-only database transaction."""
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        (now,) = connection.execute("select now()").fetchall()[0]
        rows = latest_rows(connection)
        counter.add(new_rows(connection, counter.after, counter.settled), rows[0].arrival if rows else -1)
        return LiveReading(rows, latest_flagged_rows(connection), share(connection), counter.timeline(now), now)


def _lag(read: Callable[[], dict[Partition, GroupPosition] | None], waiting: LagEstimator, scores: str) -> Lag | None:
    standings = read()
    return None if standings is None else waiting.lag(standings, transactional=[scores])
