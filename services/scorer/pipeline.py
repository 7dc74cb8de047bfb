"""What is done with a batch: from messages to all that follows from them, and from there to one Kafka transaction."""

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from services.common.contract import record_id
from services.common.kafka.assignment import Batch
from services.common.kafka.dead_letters import Headers
from services.common.kafka.reject_limit import RejectLimit
from services.common.values import ValueRepair
from services.scorer.categories import mended_names, unknown_categories
from services.scorer.decode import Columns, Rejects
from services.scorer.encode import encode_alerts, encode_scores
from services.scorer.explain import explain
from services.scorer.history.changelog import Record
from services.scorer.inference import ModelFailed
from services.scorer.models.ranges import ModelRanges
from services.scorer.models.reload import ModelHolder
from services.scorer.models.shadow import ScoredBatch
from services.scorer.quarantine import Quarantine
from services.scorer.read import TransactionSource
from services.scorer.recall import PartitionHistories
from services.scorer.score import Model
from services.scorer.trace import traces_of
from services.scorer.unscored import Features, ask_carefully, leave_out
from services.scorer.write import ScoreWriter


@dataclass(frozen=True, slots=True)
class Session:
    """One life of the Kafka clients, and of what is remembered with them: from a fresh start to the first error.

    Without a memory every payment is scored as if its customer had no past.
    """

    source: TransactionSource
    target: ScoreWriter
    memory: PartitionHistories | None = None
    spans: ModelRanges = field(default_factory=ModelRanges)


@dataclass(frozen=True, slots=True)
class ScoredMessages:
    """A batch and all that follows from it, ready to be written.

    Attributes:
        batch: what was read.
        seen: what the model saw of it, and its answers.
        scores: records, a payment that could be scored each, n of them.
        alerts: place among the scores -> record, of each payment that is flagged.
        rejects: place in the batch -> why it cannot be scored.
        unscored: places, among the transactions that the model was asked about, of those it has no score for.
        memories: partition -> the changelog records of the batch.
        spans: records of which model begins with it.
        traces: place among the scores -> headers that go on to what is written of a transaction.
        group_metadata: lets the Kafka transaction commit the batch's offsets.
        unknown: category that the model does not know -> payments.
        mended: kind -> messages read in another spelling than the contract's.
        started: time.monotonic() when the batch was taken up.
        inference_seconds: what the model took.
    """

    batch: Batch
    seen: ScoredBatch
    scores: list[Record]
    alerts: dict[int, Record]
    rejects: Rejects
    unscored: list[int]
    memories: dict[int, list[Record]]
    spans: list[Record]
    traces: dict[int, Headers]
    group_metadata: Any
    unknown: Mapping[str, int]
    mended: Mapping[ValueRepair, int]
    started: float
    inference_seconds: float


@dataclass(frozen=True, slots=True)
class WrittenBatch:
    """What became of a batch.

    Attributes:
        messages, flagged: numbers of messages.
        unknown, mended: those of the batch.
        rejects: place in the batch -> why it could not be scored.
        seconds: from taking the batch up to its commit.
        inference_seconds: of these, in the model.
        age_seconds: of its oldest message, at the commit.
    """

    messages: int
    flagged: int
    unknown: Mapping[str, int]
    mended: Mapping[ValueRepair, int]
    rejects: Rejects
    seconds: float
    inference_seconds: float
    age_seconds: float


@dataclass(frozen=True, slots=True)
class Scoring:
    """A batch's two halves. The first needs what came before it and the processor, the second the broker."""

    session: Session
    in_use: ModelHolder
    limit: RejectLimit
    suspects: Quarantine

    def follow(self, partitions: Mapping[int, int]) -> None:
        """Hold the histories of these partitions (partition -> number of its assignment), and change the model if due.

        Raises:
            Retry: one cannot be restored.
        """
        self.in_use.change()
        self.session.spans.follow(partitions)
        if self.session.memory:
            self.session.memory.follow(partitions)

    def prepare(self, batch: Batch) -> ScoredMessages:
        """Find all that follows from a batch:

        1. look for payments that kill the process: they are rejects; what is only suspected is tried alone first
        2. decode the messages into columns; what cannot be decoded is a reject
        3. recall the customers' past, and take the payments into it
        4. compute features and score them; what has no finite score is a reject too, though its customer's past has it
        5. find the reasons of what is flagged
        6. encode what is to be written

        Raises:
            Retry: the model failed; one that scored before it has taken its place.
        """
        started, model = time.monotonic(), self.in_use.model
        deadly = self.suspects.poisoned(batch)
        self.suspects.probe(batch, lambda row: decode_batch(Batch(batch.messages[row : row + 1]), model))
        with self.suspects.scoring(batch):
            columns, rejects = decode_batch(batch, model, deadly)
            memories: dict[int, list[Record]] = {}
            if self.session.memory:
                columns, memories = self.session.memory.recall(batch.messages, columns)
            features = model.features(columns)
        self.suspects.probe(batch, lambda row: _try(model, features[columns.rows == row]))
        with self.suspects.scoring(batch):
            asked = time.monotonic()
            scores = np.asarray(self._ask(model, model.score, features, np.nan), np.float64)
            inference_seconds = time.monotonic() - asked
            unscored = np.flatnonzero(~np.isfinite(scores)).tolist()
            if unscored:
                columns, kept, without = leave_out(columns, scores, model)
                features, scores, rejects = features[kept], scores[kept], rejects | without
            seen = ScoredBatch(batch, columns, features, scores, model.flag(scores), model)
            alerts = self._alerts(seen)
        return ScoredMessages(
            batch=batch,
            seen=seen,
            scores=encode_scores(columns.ids, scores, seen.flags),
            alerts=alerts,
            rejects=rejects,
            unscored=unscored,
            memories=memories,
            spans=self.session.spans.begin(batch, model.manifest),
            traces=traces_of(batch.messages, columns.rows.tolist()),
            group_metadata=self.session.source.group_metadata(),
            unknown=unknown_categories(columns, model.manifest.recipe),
            mended=columns.mended + mended_names(columns, model.manifest.recipe),
            started=started,
            inference_seconds=inference_seconds,
        )

    def write(self, prepared: ScoredMessages) -> WrittenBatch:
        """Write what follows from a batch, and its offsets, in one Kafka transaction.

        Raises:
            Retry: nothing of the batch was written, or the model has no score for too many and was dropped;
            Stop: likewise, and nothing a retry could mend.
        """
        batch, rejects, seen = prepared.batch, prepared.rejects, prepared.seen
        asked = len(seen.scores) + len(prepared.unscored)
        self.in_use.check(seen.model, asked, prepared.unscored)
        self.suspects.clear(batch)
        self.session.target.write(
            batch, prepared.scores, prepared.traces, prepared.alerts, rejects, prepared.memories, prepared.spans,
            prepared.group_metadata,
        )  # fmt: skip
        self.session.source.finish(batch)
        self.limit.count(len(batch.messages), rejects, batch.place_of)
        self.in_use.has_scored(seen.model, asked, prepared.unscored)
        if self.in_use.shadow:
            self.in_use.shadow.see(seen)
        return WrittenBatch(
            messages=len(batch.messages),
            flagged=int(seen.flags.sum()),
            unknown=prepared.unknown,
            mended=prepared.mended,
            rejects=rejects,
            seconds=time.monotonic() - prepared.started,
            inference_seconds=prepared.inference_seconds,
            age_seconds=batch.age_seconds(time.time()),
        )

    def _ask(self, model: Model, question: Callable[[Features], Any], features: Features, otherwise: Any) -> Any:
        """Return the answers of the batch's model; where it fails and none takes its place, it is asked by parts."""
        try:
            return question(features)
        except ModelFailed as error:
            self.in_use.drop(model, error)
            return ask_carefully(question, features, otherwise)

    def _alerts(self, seen: ScoredBatch) -> dict[int, Record]:
        """Return place among the ids -> alert, of each flagged payment."""
        model, columns, flagged = seen.model, seen.columns, np.flatnonzero(seen.flags)
        question = partial(explain, model.session, model.manifest)
        reasons = self._ask(model, question, seen.features[flagged], [])
        ids = [columns.ids[place] for place in flagged.tolist()]
        values = [seen.batch.messages[row].value() for row in columns.rows[flagged].tolist()]
        alerts = encode_alerts(ids, seen.scores[flagged].tolist(), reasons, values, model.manifest)
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


def _try(model: Model, features: Features) -> None:
    """Ask the model of one payment all that it is asked of a batch; nothing comes of it, not even an error."""
    with contextlib.suppress(ModelFailed):
        model.score(features)
        explain(model.session, model.manifest, features)
