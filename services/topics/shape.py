"""Partitions and settings of each topic."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.common.settings import TopicSettings

DAY_MS = 24 * 3600 * 1000

ON_ARRIVAL = {"message.timestamp.type": "LogAppendTime"}
"""Retention counts from arrival. By default (CreateTime) it counts from the producer's timestamp: messages that carry
the transaction's own time, years ago, would be deleted before they are scored.
"""

CHANGELOG = {
    "cleanup.policy": "compact",
    "segment.bytes": str(32 * 1024 * 1024),  # the segment in use is never compacted
    "min.cleanable.dirty.ratio": "0.2",
    "max.compaction.lag.ms": str(DAY_MS),
}
DEAD_LETTERS = {"cleanup.policy": "delete", "retention.ms": str(30 * DAY_MS)}
MODELS = {"cleanup.policy": "delete", "retention.ms": str(90 * DAY_MS)}
"""Not compacted: all tallies have one key, and each counts what came since the one before it."""
MESSAGES = {"cleanup.policy": "delete"}

REQUIRED = ("cleanup.policy", "message.timestamp.type")
"""Settings that the services require, whoever created the topic."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The partitions of a topic, and the settings that differ from the broker's defaults."""

    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)

    @property
    def required(self) -> dict[str, str]:
        """The settings without which messages or the history are lost."""
        return {name: self.config[name] for name in REQUIRED}


def shapes(topics: TopicSettings) -> dict[str, Shape]:
    """Return topic -> its shape."""
    own = {
        topics.transactions: MESSAGES,
        topics.scores: MESSAGES,
        topics.alerts: MESSAGES,
        topics.dead_letters: DEAD_LETTERS,
        topics.history: CHANGELOG,
        topics.models: MODELS,
    }
    few = {topics.models: 1}  # few records, whose order matters
    return {name: Shape(few.get(name, topics.partitions), ON_ARRIVAL | config) for name, config in own.items()}
