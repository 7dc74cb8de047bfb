"""What is done with a batch: from messages to what the model wants, and from there to one Kafka transaction."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.common.contract import record_id
from services.common.dead_letters import Headers
from services.common.kafka import Batch
from services.common.reject_limit import RejectLimit
from services.scorer.alerts import encode_alerts
from services.scorer.changelog import Record
from services.scorer.decode import Columns, Rejects
from services.scorer.encode import encode_scores
from services.scorer.features import category_codes
from services.scorer.in_use import InUse
from services.scorer.memory import Memory
from services.scorer.poison import Suspects
from services.scorer.read import Source
from services.scorer.reasons import explain
from services.scorer.score import Model
from services.scorer.shadow import Seen
from services.scorer.spans import Spans
from services.scorer.trace import traces_of
from services.scorer.write import Target


@dataclass(frozen=True, slots=True)
class Session:
    """One life of the Kafka clients, and of what is remembered with them: from a fresh start to the first error.

    Without a memory every payment is scored as if its customer had no past.
    """

    source: Source
    target: Target
    memory: Memory | None = None
    spans: Spans = field(default_factory=Spans)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch that is ready for the model.

    Attributes:
        batch: what was read.
        model: what it is ready for.
        columns: the payments with their past, n of them.
        features: float32 [n, k].
        rejects: place in the batch -> why it cannot be scored.
        memories: partition -> the changelog records of the batch.
        spans: records of which model begins with it.
        traces: place among the ids -> headers that go on to what is written of a transaction.
        group_metadata: lets the Kafka transaction commit the batch's offsets.
        unknown: payments of a category that the model does not know.
        started: time.monotonic() when the batch was taken up.
    """

    batch: Batch
    model: Model
    columns: Columns
    features: NDArray[np.float32]
    rejects: Rejects
    memories: dict[int, list[Record]]
    spans: list[Record]
    traces: dict[int, Headers]
    group_metadata: Any
    unknown: int
    started: float


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch.

    Attributes:
        messages, flagged, unknown: numbers of messages.
        rejects: place in the batch -> why it could not be scored.
        seconds: from taking the batch up to its commit.
        inference_seconds: of these, in the model.
        age_seconds: of its oldest message, at the commit.
    """

    messages: int
    flagged: int
    unknown: int
    rejects: Rejects
    seconds: float
    inference_seconds: float
    age_seconds: float


@dataclass(frozen=True, slots=True)
class Scoring:
    """A batch's two halves. The first needs what came before it, the second the model and the broker."""

    session: Session
    in_use: InUse
    limit: RejectLimit
    suspects: Suspects

    def follow(self, partitions: Mapping[int, int]) -> None:
        """Hold the histories of these partitions (partition -> number of its assignment), and change the model if due.

        Raises:
            Retry: one cannot be restored.
        """
        self.in_use.change()
        self.session.spans.follow(partitions)
        if self.session.memory:
            self.session.memory.follow(partitions)

    def prepare(self, batch: Batch) -> Prepared:
        """Take a batch up to the model:

        1. look for payments that kill the process: they are rejects; what is only suspected is tried alone first
        2. decode the messages into columns; what cannot be decoded is a reject
        3. recall the customers' past, and take the payments into it
        4. compute features
        """
        started, model = time.monotonic(), self.in_use.model
        deadly = self.suspects.deadly(batch)
        self.suspects.try_alone(batch, lambda row: decode_batch(Batch(batch.messages[row : row + 1]), model))
        with self.suspects.scoring(batch):
            columns, rejects = decode_batch(batch, model, deadly)
            memories: dict[int, list[Record]] = {}
            if self.session.memory:
                columns, memories = self.session.memory.recall(batch.messages, columns)
            features = model.features(columns)
        unknown = int((category_codes(columns, model.manifest.recipe) < 0).sum())
        traces = traces_of(batch.messages, columns.rows.tolist())
        spans = self.session.spans.begin(batch, model.manifest)
        metadata = self.session.source.group_metadata()
        return Prepared(batch, model, columns, features, rejects, memories, spans, traces, metadata, unknown, started)

    def write(self, prepared: Prepared) -> Written:
        """Take a batch from the model to the end:

        1. look whether too much is rejected
        2. score it
        3. find the reasons of what is flagged
        4. write scores, alerts, rejects, what is remembered, whose scores they are and offsets in one Kafka transaction

        Raises:
            Retry: nothing of the batch was written; Stop: likewise, and nothing a retry could mend.
        """
        batch, model, rejects = prepared.batch, prepared.model, prepared.rejects
        self.limit.check(len(batch.messages), rejects)
        self.suspects.try_alone(batch, partial(_try, prepared))
        with self.suspects.scoring(batch):
            asked = time.monotonic()
            scores = model.score(prepared.features)
            inference = time.monotonic() - asked
            flags = model.flag(scores)
            alerts = self._alerts(prepared, scores, flags)
        self.suspects.clear(batch)
        records = encode_scores(prepared.columns.ids, scores, flags)
        self.session.target.write(
            batch, records, prepared.traces, alerts, rejects, prepared.memories, prepared.spans, prepared.group_metadata
        )
        self.session.source.finish(batch)
        self.limit.count(len(batch.messages), rejects)
        seconds, age = time.monotonic() - prepared.started, batch.age_seconds(time.time())
        if self.in_use.shadow:
            self.in_use.shadow.see(Seen(batch, prepared.columns, prepared.features, scores, flags, model))
        return Written(len(batch.messages), int(flags.sum()), prepared.unknown, rejects, seconds, inference, age)

    def _alerts(self, prepared: Prepared, scores: NDArray[np.float64], flags: NDArray[np.bool_]) -> dict[int, Record]:
        """Return place among the ids -> alert, of each flagged payment."""
        model, flagged = prepared.model, np.flatnonzero(flags)
        reasons = explain(model.session, model.manifest, prepared.features[flagged])
        columns = prepared.columns
        ids = [columns.ids[place] for place in flagged.tolist()]
        values = [prepared.batch.messages[row].value() for row in columns.rows[flagged].tolist()]
        alerts = encode_alerts(ids, scores[flagged].tolist(), reasons, values, model.manifest)
        return dict(zip(flagged.tolist(), alerts, strict=True))


def decode_batch(batch: Batch, model: Model, deadly: Rejects | None = None) -> tuple[Columns, Rejects]:
    """Return the columns of a batch's messages and the rejects among them; a deadly message is not looked at."""
    messages, deadly = batch.messages, deadly or {}

    def new_id(row: int) -> str:
        message = messages[row]
        return record_id(message.topic(), message.partition(), message.offset())  # type: ignore[arg-type]  # was read

    values = [message.value() for message in messages]
    for row in deadly:
        values[row] = None
    columns, rejects = model.decoder.decode(values, new_id)
    return columns, rejects | deadly


def _try(prepared: Prepared, row: int) -> None:
    """Ask the model of one payment all that it is asked of a batch; nothing comes of it."""
    features = prepared.features[prepared.columns.rows == row]
    prepared.model.score(features)
    explain(prepared.model.session, prepared.model.manifest, features)
