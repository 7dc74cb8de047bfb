"""Reads what the live view shows from PostgreSQL and Kafka, once for all readers of the page."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from services.common.kafka.lag import GroupOffsets, GroupPosition, Lag, LagEstimator
from services.common.kafka.offsets import Partition
from services.common.settings import GroupNames, KafkaSettings, TopicSettings
from ui.database import Connection, Database
from ui.live.queries import FlaggedShare, LiveRow, flagged_share, latest_rows, new_rows
from ui.live.timeline import ScoreCounter, Timeline
from ui.watch import Watch

EVERY_SECONDS = 2.0
MART_REST_SECONDS, LAG_REST_SECONDS = 60.0, 15.0
"""Between two readings while nobody looks: for the metrics, and so that the timeline goes on counting."""


@dataclass(frozen=True, slots=True)
class LiveReading:
    """The mart at one moment; `rows` and `flagged` run from the latest arrival to the earliest."""

    rows: list[LiveRow]
    flagged: list[LiveRow]
    share: FlaggedShare
    timeline: Timeline
    read_at: datetime


@dataclass(frozen=True)
class Live:
    """The watches of the mart and of the lag of scorer and sink."""

    mart: Watch[LiveReading]
    lag: Watch[Lag]


def watch_all(mart: Database, kafka: KafkaSettings, topics: TopicSettings, groups: GroupNames) -> Live:
    """Return the watches of the mart and of the consumer groups, not started."""
    counter, estimator = ScoreCounter(), LagEstimator()
    offsets = GroupOffsets(kafka, {topics.transactions: groups.scorer_group_id, topics.scores: groups.sink_group_id})
    read_mart = partial(mart.ask, partial(read, counter=counter))
    read_lag = partial(_lag, offsets.read, estimator, topics.scores)
    return Live(
        Watch(read_mart, EVERY_SECONDS, "watch-mart", rest_seconds=MART_REST_SECONDS),
        Watch(read_lag, EVERY_SECONDS, "watch-lag", rest_seconds=LAG_REST_SECONDS),
    )


def read(connection: Connection, counter: ScoreCounter) -> LiveReading:
    """Read the mart in one read-only database transaction."""
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        (now,) = connection.execute("select now()").fetchall()[0]
        rows = latest_rows(connection)
        counter.add(new_rows(connection, counter.after, counter.settled), rows[0].arrival if rows else -1)
        return LiveReading(
            rows, latest_rows(connection, flagged=True), flagged_share(connection), counter.timeline(now), now
        )


def _lag(
    read_offsets: Callable[[], dict[Partition, GroupPosition] | None], estimator: LagEstimator, scores: str
) -> Lag | None:
    positions = read_offsets()
    return None if positions is None else estimator.lag(positions, transactional=[scores])
