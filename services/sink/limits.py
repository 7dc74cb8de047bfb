"""The sink's limits against a bad deploy: one for each topic. Knows what a batch is, not how it is written.

Half of what the sink reads are transactions. Counted together with them, scores that are all rejected would stay under
any limit.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

from services.common.kafka import Batch
from services.common.reject_limit import RejectLimit
from services.sink import metrics
from services.sink.rejects import RejectRow
from services.sink.settings import SinkSettings


class Limits:
    """The limits of a sink: topic -> limit."""

    def __init__(self, limits: Mapping[str, RejectLimit]) -> None:
        self._limits = limits
        for topic in limits:
            self._show(topic)

    @classmethod
    def of(cls, topics: Iterable[str], settings: SinkSettings, folder: Path, member: str) -> Self:
        """Return the limits of the settings; `member` is a name that the next start of this process has again."""
        share, in_a_row = settings.reject_limit_share, settings.reject_limit_in_a_row
        marks = {topic: folder / f"{member}.{topic}.too-many-rejects" for topic in topics}
        return cls({topic: RejectLimit(share, in_a_row, mark) for topic, mark in marks.items()})

    def check(self, batch: Batch, rejects: Sequence[RejectRow]) -> None:
        """Raise Stop if the rejects of a batch are too many of one topic: it must not be written then."""
        for topic, (messages, places) in _by_topic(batch, rejects).items():
            self._limits[topic].check(messages, places)

    def count(self, batch: Batch, rejects: Sequence[RejectRow]) -> None:
        """Note that a batch is written."""
        for topic, (messages, places) in _by_topic(batch, rejects).items():
            self._limits[topic].count(messages, places)
            self._show(topic)

    def _show(self, topic: str) -> None:
        limit = self._limits[topic]
        metrics.REJECT_SHARE.labels(topic).set(limit.share)
        metrics.REJECTS_IN_A_ROW.labels(topic).set(limit.in_a_row)
        metrics.REJECT_LIMIT_BROKEN.labels(topic).set(limit.on_probation)


def _by_topic(batch: Batch, rejects: Sequence[RejectRow]) -> dict[str, tuple[int, dict[int, RejectRow]]]:
    """Return topic -> how many messages the batch has of it, and the rejects at their places among them."""
    if not rejects:
        return {topic: (messages, {}) for topic, messages in Counter(m.topic() or "" for m in batch.messages).items()}
    rejected = {(reject.topic, reject.partition, reject.offset): reject for reject in rejects}
    found: dict[str, tuple[int, dict[int, RejectRow]]] = {}
    for message in batch.messages:
        topic = message.topic() or ""
        messages, places = found.get(topic, (0, {}))
        if reject := rejected.get((topic, message.partition() or 0, message.offset() or 0)):
            places[messages] = reject
        found[topic] = (messages + 1, places)
    return found
