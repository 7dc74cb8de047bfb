"""Scores messages by the scorer's own code, with a history that begins empty."""

from collections.abc import Iterable

import numpy as np
from confluent_kafka import Message

from services.common.kafka.assignment import Batch
from services.scorer.pipeline import decode_batch
from services.scorer.recall import PartitionHistories
from services.scorer.score import Model, reject_unscored, score_bisecting

Row = tuple[str, float, int]
"""transaction_id, score, fraud_flag"""


class Rescorer:
    """A model, and the history of the range so far, as of a scorer that begins there."""

    def __init__(self, model: Model, partitions: Iterable[int]) -> None:
        self._model = model
        self._memory = PartitionHistories(model.plan) if model.plan.uses_history else None
        if self._memory:
            self._memory.follow(dict.fromkeys(partitions, 1))
        self.rejected = 0

    def score(self, messages: list[Message]) -> list[Row]:
        """Return the rows of the messages that can be scored, in order; count the others in `rejected`."""
        columns, rejects = decode_batch(Batch(messages), self._model)
        self.rejected += len(rejects)
        if self._memory:
            columns, _ = self._memory.recall(messages, columns, self._model.plan.readings)
        scores = score_bisecting(self._model, self._model.features(columns))
        if not np.isfinite(scores).all():
            columns, kept, without = reject_unscored(columns, scores, self._model)
            scores = scores[kept]
            self.rejected += len(without)
        flags = self._model.flag(scores)
        return list(zip(columns.ids, scores.tolist(), map(int, flags.tolist()), strict=True))
