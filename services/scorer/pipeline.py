"""Processes one batch: decode, recall, score, explain, encode; and then write, in one Kafka transaction."""

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from services.common.contract.ids import record_id
from services.common.errors import Reject
from services.common.kafka.assignment import Batch
from services.common.kafka.reject_limit import RejectLimit
from services.common.reading.values import ValueRepair
from services.scorer.decode import Columns, Rejects
from services.scorer.encode import encode_alerts, encode_scores
from services.scorer.explain import explain
from services.scorer.features import Features, repaired_texts, unknown_texts
from services.scorer.history.changelog import Record
from services.scorer.models.ranges import ModelRanges
from services.scorer.models.reload import ModelHolder
from services.scorer.models.shadow import ScoredBatch
from services.scorer.quarantine import Quarantine
from services.scorer.read import TransactionSource
from services.scorer.recall import PartitionHistories
from services.scorer.score import Model, ModelFailed, ask_bisecting, reject_unscored
from services.scorer.write import GroupMetadata, ScoreWriter

Changelog = dict[int, list[Record]]
"""Partition -> its records."""


@dataclass(frozen=True, slots=True)
class Session:
    """One life of the Kafka clients, and of the histories restored with them: from a start to the first error.

    Without histories every transaction is scored as if its customer had no past.
    """

    source: TransactionSource
    target: ScoreWriter
    histories: PartitionHistories | None = None
    ranges: ModelRanges = field(default_factory=ModelRanges)


@dataclass(frozen=True, slots=True)
class ScoredMessages:
    """A batch and everything to write for it.

    Attributes:
        scored: the batch as the model saw it, and its answers.
        scores: a record for each scored transaction, n of them.
        alerts: a record for each flagged transaction.
        rejects: place in the batch -> why it cannot be scored.
        changelog: partition -> the records of its history.
        ranges: records of which model scores from here on.
        group_metadata: returns what lets the Kafka transaction commit the batch's offsets.
        unknown: category that the model does not know -> transactions.
        repaired: kind -> messages read in another spelling than the contract's.
        started: time.monotonic() when work on the batch began.
    """

    scored: ScoredBatch
    scores: list[Record]
    alerts: list[Record]
    rejects: Rejects
    changelog: Changelog
    ranges: list[Record]
    group_metadata: GroupMetadata
    unknown: Mapping[str, int]
    repaired: Mapping[ValueRepair, int]
    started: float


@dataclass(frozen=True, slots=True)
class WrittenBatch:
    """What is counted of a committed batch.

    Attributes:
        messages, flagged: numbers of messages.
        unknown, repaired: as in ScoredMessages.
        rejects: place in the batch -> why it could not be scored.
        seconds: from the start of work on the batch to its commit.
        inference_seconds: of these, in the model.
        age_seconds: of its oldest message, at the commit.
    """

    messages: int
    flagged: int
    unknown: Mapping[str, int]
    repaired: Mapping[ValueRepair, int]
    rejects: Rejects
    seconds: float
    inference_seconds: float
    age_seconds: float


@dataclass(frozen=True, slots=True)
class Scoring:
    """The two halves of the work on a batch: prepare() needs the processor, write() the broker."""

    session: Session
    models: ModelHolder
    limit: RejectLimit
    quarantine: Quarantine

    def follow(self, partitions: Mapping[int, int]) -> None:
        """Swap in a staged model, and hold the histories of these partitions (partition -> number of its assignment).

        Raises:
            Retry: a history cannot be restored.
        """
        self.models.swap_pending()
        self.session.ranges.follow(partitions)
        if self.session.histories:
            self.session.histories.follow(partitions)

    def prepare(self, batch: Batch) -> ScoredMessages:
        """Return everything to write for a batch:

        1. decode the messages into columns; what cannot be decoded is rejected, and so is what crashed this scorer
        2. recall the customers' past, and add the transactions to it
        3. score; what has no finite score is rejected too, and stays in its customer's history
        4. explain what is flagged
        5. encode

        Raises:
            Retry: the model failed and was replaced by the last one that scored.
        """
        started, model = time.monotonic(), self.models.model
        with self.quarantine.guard(batch) as poisoned:
            columns, rejects = self._decode(batch, model, poisoned)
            columns, changelog = self._recall(batch, columns, model)
            scored, unscored = self._score(batch, columns, model)
            alerts = self._explain(scored)
        return self._encode(scored, alerts, rejects | unscored, changelog, started)

    def write(self, prepared: ScoredMessages) -> WrittenBatch:
        """Write everything that follows from a batch, and its offsets, in one Kafka transaction.

        Raises:
            Retry: nothing of the batch was written, or the model had no score for too many and was dropped;
            Stop: likewise, and not retryable.
        """
        scored, rejects = prepared.scored, prepared.rejects
        batch, asked = scored.batch, len(scored.scores) + len(scored.unscored)
        self.models.check(scored.model, asked, scored.unscored)
        self.quarantine.clear(batch)
        self.session.target.write(
            batch,
            prepared.scores,
            prepared.alerts,
            rejects,
            prepared.changelog,
            prepared.ranges,
            prepared.group_metadata,
        )
        self.limit.count(len(batch.messages), rejects, batch.position_of)
        self.models.has_scored(scored.model, asked, scored.unscored)
        if self.models.shadow:
            self.models.shadow.compare(scored)
        return WrittenBatch(
            messages=len(batch.messages),
            flagged=int(scored.flags.sum()),
            unknown=prepared.unknown,
            repaired=prepared.repaired,
            rejects=rejects,
            seconds=time.monotonic() - prepared.started,
            inference_seconds=scored.inference_seconds,
            age_seconds=batch.age_seconds(time.time()),
        )

    def _decode(self, batch: Batch, model: Model, poisoned: Rejects) -> tuple[Columns, Rejects]:
        self.quarantine.probe(batch, lambda row: decode_batch(Batch(batch.messages[row : row + 1]), model))
        return decode_batch(batch, model, poisoned)

    def _recall(self, batch: Batch, columns: Columns, model: Model) -> tuple[Columns, Changelog]:
        histories = self.session.histories
        if histories is None:
            return columns, {}
        shadow = self.models.shadow.model if self.models.shadow else None
        readings = dict.fromkeys((*model.plan.readings, *(shadow.plan.readings if shadow else ())))
        return histories.recall(batch.messages, columns, tuple(readings))

    def _score(self, batch: Batch, columns: Columns, model: Model) -> tuple[ScoredBatch, Rejects]:
        """Return the transactions that have a score, and the others as rejects."""
        features, rejects = model.features(columns), dict[int, Reject]()
        self.quarantine.probe(batch, lambda row: _probe(model, features[columns.rows == row]))
        asked = time.monotonic()
        scores = np.asarray(self._ask(model, model.score, features, np.nan), np.float64)
        inference_seconds = time.monotonic() - asked
        unscored = np.flatnonzero(~np.isfinite(scores)).tolist()
        if unscored:
            columns, places, rejects = reject_unscored(columns, scores, model)
            features, scores = features[places], scores[places]
        flags = model.flag(scores)
        return ScoredBatch(batch, columns, features, scores, flags, model, unscored, inference_seconds), rejects

    def _explain(self, scored: ScoredBatch) -> list[Record]:
        """Return the alert of each flagged transaction."""
        model, columns, flagged = scored.model, scored.columns, np.flatnonzero(scored.flags)
        reasons = self._ask(
            model, partial(explain, model.session, model.plan, model.manifest), scored.features[flagged], []
        )
        ids = [columns.ids[place] for place in flagged.tolist()]
        values = [scored.batch.messages[row].value() for row in columns.rows[flagged].tolist()]
        return encode_alerts(ids, scored.scores[flagged].tolist(), reasons, values, model)

    def _encode(
        self, scored: ScoredBatch, alerts: list[Record], rejects: Rejects, changelog: Changelog, started: float
    ) -> ScoredMessages:
        columns, manifest, contract = scored.columns, scored.model.manifest, scored.model.plan.contract
        return ScoredMessages(
            scored=scored,
            scores=encode_scores(columns.ids, scored.scores, scored.flags),
            alerts=alerts,
            rejects=rejects,
            changelog=changelog,
            ranges=self.session.ranges.begin(scored.batch, manifest),
            group_metadata=self.session.source.membership(),
            unknown=unknown_texts(columns, contract),
            repaired=columns.repaired + repaired_texts(columns, contract),
            started=started,
        )

    def _ask(self, model: Model, ask: Callable[[Features], Any], features: Features, default: Any) -> Any:
        """Return the model's answers. If it fails, it is replaced; without a replacement the rows at fault are found.

        Raises:
            Retry: it was replaced.
        """
        try:
            return ask(features)
        except ModelFailed as error:
            self.models.drop(model, error)
            return ask_bisecting(ask, features, default)


def decode_batch(batch: Batch, model: Model, poisoned: Rejects | None = None) -> tuple[Columns, Rejects]:
    """Return the columns of a batch's messages and the rejects among them; poisoned messages are not decoded."""
    messages, poisoned = batch.messages, poisoned or {}

    def new_id(row: int) -> str:
        message = messages[row]
        return record_id(message.topic(), message.partition(), message.offset())  # type: ignore[arg-type]  # was read

    values = [message.value() for message in messages]
    for row in poisoned:
        values[row] = None
    columns, rejects = model.decoder.decode(values, new_id)
    return columns, rejects | poisoned


def _probe(model: Model, features: Features) -> None:
    """Ask the model all that it is asked of a batch, for the sake of a crash; its errors are found with the batch."""
    with contextlib.suppress(ModelFailed):
        model.score(features)
        explain(model.session, model.plan, model.manifest, features)
