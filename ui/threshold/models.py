"""Reads which models score: from the manifest on disk and from PostgreSQL, with the comparison of a shadow model."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from psycopg.rows import class_row

from services.common.manifest import current_manifest
from ui.database import Connection, Database
from ui.watch import Watch

SHOWN = 5
"""Changes of the model that are listed, the latest first."""

EVERY_SECONDS = 2.0

SHADOW_HOURS = 24
"""The hours that the comparison with the shadow model covers."""


@dataclass(frozen=True, slots=True)
class ScoringModel:
    """The model in use: its version, and the score in [0, 1] from which a transaction is flagged."""

    version: str
    threshold: float


def current_model(manifest: Path) -> ScoringModel | None:
    """Return the model of the manifest as it is now, or None if it cannot be read: the page works without it."""
    found = current_manifest(manifest)
    return ScoringModel(found.version, found.threshold) if found else None


@dataclass(frozen=True, slots=True)
class ModelStart:
    """When a model began to score; with several scorers, when the first of them did."""

    model_version: str
    threshold: float
    began_at: datetime


@dataclass(frozen=True, slots=True)
class ShadowComparison:
    """Two models' scores of the same transactions: numbers of transactions, and sums of shadow score - score."""

    model_version: str
    shadow_version: str
    scored: int
    skipped: int
    both_flagged: int
    only_model: int
    only_shadow: int
    shift: float
    absolute_shift: float
    largest_shift: float
    cpu_seconds: float

    @property
    def agreement(self) -> float:
        """Share of the transactions that both flagged or neither did, in [0, 1]."""
        return 1 - (self.only_model + self.only_shadow) / self.scored


@dataclass(frozen=True, slots=True)
class ModelHistory:
    """The models that scored, the latest first, and the comparison with the shadow model, if there is one."""

    starts: list[ModelStart]
    comparison: ShadowComparison | None


IN_USE = """
    select model_version as version, threshold from model_spans order by told desc limit 1
"""

STARTS = """
    select model_version, threshold, began_at
    from (select *, lag(model_version) over (order by told) as before from model_spans) spans
    where before is distinct from model_version
    order by told desc limit %s
"""

COMPARISON = """
    select model_version, shadow_version, sum(scored)::bigint as scored, sum(skipped)::bigint as skipped,
           sum(both_flagged)::bigint as both_flagged, sum(only_model)::bigint as only_model,
           sum(only_shadow)::bigint as only_shadow, sum(shift) as shift, sum(absolute_shift) as absolute_shift,
           max(largest_shift) as largest_shift, sum(cpu_seconds) as cpu_seconds
    from shadow_tallies where told_at > now() - make_interval(hours => %s)
    group by model_version, shadow_version having sum(scored) > 0
    order by max(told_at) desc limit 1
"""


def model_in_use(connection: Connection) -> ScoringModel | None:
    """Return the model that began to score last; None before the first one did."""
    with connection.cursor(row_factory=class_row(ScoringModel)) as cursor:
        return cursor.execute(IN_USE).fetchone()


def watch_model(mart: Database) -> Watch[ScoringModel]:
    """Return the watch of the model in use, not started."""
    return Watch(lambda: mart.ask(model_in_use), EVERY_SECONDS, "watch-model")


def read_models(connection: Connection) -> ModelHistory:
    """Return which models scored and how the shadow model compares."""
    with connection.cursor(row_factory=class_row(ModelStart)) as cursor:
        starts = cursor.execute(STARTS, [SHOWN]).fetchall()
    with connection.cursor(row_factory=class_row(ShadowComparison)) as cursor:
        return ModelHistory(starts, cursor.execute(COMPARISON, [SHADOW_HOURS]).fetchone())
