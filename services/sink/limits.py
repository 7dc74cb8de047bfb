"""The sink's alarms for too many rejects: one for each topic. Knows what a batch is, not how it is written.

Half of what the sink reads are transactions. Counted together with them, scores that are all rejected would stay under
any limit.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Self

from services.common.kafka.assignment import Batch
from services.common.kafka.reject_limit import RejectLimit
from services.sink import metrics
from services.sink.rejects import RejectRow
from services.sink.settings import SinkSettings


class Limits:
    """The limits of a sink: topic -> limit."""

    def __init__(self, limits: Mapping[str, RejectLimit]) -> None:
        self._limits = limits
        for topic, limit in limits.items():
            self._show(topic)
            metrics.REJECT_LIMIT_BROKEN.labels(topic).set_function(partial(getattr, limit, "exceeded"))

    @classmethod
    def of(cls, topics: Iterable[str], settings: SinkSettings) -> Self:
        """Return the limits of the settings."""
        share, in_a_row = settings.reject_limit_share, settings.reject_limit_in_a_row
        return cls({topic: RejectLimit(share, in_a_row) for topic in topics})

    def count(self, batch: Batch, rejects: Sequence[RejectRow]) -> None:
        """Note that a batch is written."""
        for topic, (messages, places) in _by_topic(batch, rejects).items():
            self._limits[topic].count(messages, places, lambda row, of=places: of[row].place)  # type: ignore[misc]
            self._show(topic)

    def _show(self, topic: str) -> None:
        limit = self._limits[topic]
        metrics.REJECT_SHARE.labels(topic).set(limit.share)
        metrics.REJECTS_IN_A_ROW.labels(topic).set(limit.in_a_row)


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
