"""What another threshold would do: from the validation curve, from the stream, from verdicts. Changes nothing.

The curve tells of labelled payments the model did not see; the stream how many alerts there really would be; verdicts
how many of the alerts so far were frauds, which says nothing of thresholds below the one in use.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from psycopg.rows import tuple_row
from pydantic import FiniteFloat, TypeAdapter, ValidationError

from ui.database import Connection
from ui.review.verdicts import LAST_OF_ITS_PAYMENT, Precision, Verdict

THRESHOLDS = tuple(hundredth / 100 for hundredth in range(1, 100))
LOOKS_AT = 10_000
"""Payments of the stream, and verdicts, that are counted: the latest."""


@dataclass(frozen=True, slots=True)
class Curve:
    """What each threshold does to labelled payments: alerts, frauds among them, and these frauds' amounts.

    `thresholds`, `alerts`, `caught` and `caught_amount` have the same length; `version` is the model's.
    """

    version: str
    payments: int
    frauds: int
    fraud_amount: FiniteFloat
    thresholds: Sequence[FiniteFloat]
    alerts: Sequence[int]
    caught: Sequence[int]
    caught_amount: Sequence[FiniteFloat]

    def __post_init__(self) -> None:
        columns = (self.thresholds, self.alerts, self.caught, self.caught_amount)
        if len({len(column) for column in columns}) != 1 or not self.thresholds:
            raise ValueError("the columns of a curve have one length")
        if min(self.payments, self.frauds) < 1:
            raise ValueError("a curve is of payments, some of them frauds")


@dataclass(frozen=True, slots=True)
class Expected:
    """What is to be expected of a threshold; shares in [0, 1], amounts and alerts a day."""

    alerts: float
    precision: float | None
    recall: float
    caught_amount: float
    missed_amount: float


@dataclass(frozen=True, slots=True)
class Stream:
    """The latest payments: how many, on how many days of event time, and how many reach each of THRESHOLDS."""

    payments: int
    days: int
    reaching: Sequence[int]

    @property
    def a_day(self) -> float:
        """Payments a day; 0 where there are none."""
        return self.payments / self.days if self.days else 0.0


@dataclass(frozen=True, slots=True)
class Basis:
    """What the page reckons with: the stream, and of each judged alert its score and whether it was a fraud."""

    stream: Stream
    judged: Sequence[tuple[float, bool]]


def current_curve(path: Path) -> Curve | None:
    """Return the curve in a file as it is now, or None if there is none that can be used."""
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=2)
def _read(path: Path, _changed_at: int) -> Curve | None:
    """Read the file once for each time it changes."""
    try:
        return TypeAdapter(Curve).validate_python(json.loads(path.read_bytes()))
    except (ValueError, ValidationError):
        return None


def expected(curve: Curve, threshold: float, payments_a_day: float) -> Expected:
    """Return what a threshold would do to so many payments a day if they are like those of the curve."""
    place = min(range(len(curve.thresholds)), key=lambda place: abs(curve.thresholds[place] - threshold))
    alerts, caught, amount = curve.alerts[place], curve.caught[place], curve.caught_amount[place]
    a_day = payments_a_day / curve.payments
    return Expected(
        alerts=alerts * a_day,
        precision=caught / alerts if alerts else None,
        recall=caught / curve.frauds,
        caught_amount=amount * a_day,
        missed_amount=(curve.fraud_amount - amount) * a_day,
    )


def alerts_of_stream(stream: Stream, threshold: float, payments_a_day: float) -> float | None:
    """Return how many alerts a day the stream's own scores would give; None where there are no payments."""
    if not stream.payments:
        return None
    return stream.reaching[_place(threshold)] / stream.payments * payments_a_day


def confirmed(judged: Sequence[tuple[float, bool]], threshold: float) -> Precision:
    """Return how many of the judged alerts that reach a threshold are frauds."""
    outcomes = [fraud for score, fraud in judged if score >= threshold]
    return Precision(sum(outcomes), len(outcomes))


def read_basis(connection: Connection, looks_at: int = LOOKS_AT) -> Basis:
    """Read the latest payments' scores and the verdicts."""
    query = """
        select array_agg(place), count(distinct event_time::date) from (
            select width_bucket(s.score, %s::float8[]) as place, t.event_time
            from (select transaction_id, score from scores order by arrival desc limit %s) s
            left join transactions t using (transaction_id)
        ) latest
    """
    with connection.cursor(row_factory=tuple_row) as cursor:
        places, days = cursor.execute(query, [list(THRESHOLDS), looks_at]).fetchone() or (None, 0)
        judged = cursor.execute(
            f"""
            select score, verdict = %s from verdicts v
            where verdict <> 'returned' and fraud_flag = 1 and {LAST_OF_ITS_PAYMENT} order by id desc limit %s
            """,  # noqa: S608  # a constant of ours
            [Verdict.FRAUD.value, looks_at],
        ).fetchall()
    return Basis(Stream(len(places or ()), days, _reaching(places or ())), judged)


def _reaching(places: Sequence[int]) -> list[int]:
    """Return how many scores reach each of THRESHOLDS, from how many thresholds each score reaches."""
    counts = [0] * (len(THRESHOLDS) + 1)
    for place in places:
        counts[place] += 1
    return [sum(counts[place + 1 :]) for place in range(len(THRESHOLDS))]


def _place(threshold: float) -> int:
    return min(max(round(threshold * 100), 1), len(THRESHOLDS)) - 1
