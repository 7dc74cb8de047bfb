"""Computes the effect of another threshold from the validation curve, the stream and the verdicts.

The curve covers labelled transactions that the model did not see; the stream shows how many alerts there would be; the
verdicts show how many of the alerts so far were fraud, which says nothing about thresholds below the current one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.rows import tuple_row

from services.common.manifest import Curve
from ui.database import Connection
from ui.review.verdicts import IS_LATEST, Precision, Verdict

THRESHOLDS = tuple(hundredth / 100 for hundredth in range(1, 100))
LATEST = 10_000
"""Transactions of the stream, and verdicts, that are counted: the latest."""


@dataclass(frozen=True, slots=True)
class ExpectedEffect:
    """The expected effect of a threshold; shares in [0, 1], amounts and alerts per day."""

    alerts: float
    precision: float | None
    recall: float
    caught_amount: float
    missed_amount: float


@dataclass(frozen=True, slots=True)
class StreamStats:
    """The latest transactions: how many, on how many days of event time, and how many reach each of THRESHOLDS."""

    transactions: int
    days: int
    reaching: Sequence[int]

    @property
    def per_day(self) -> float:
        """Transactions per day of event time; 0 if there are none."""
        return self.transactions / self.days if self.days else 0.0


@dataclass(frozen=True, slots=True)
class WhatIfData:
    """The stream, and for each alert with a verdict its score and whether it was fraud."""

    stream: StreamStats
    judged: Sequence[tuple[float, bool]]


def expected(curve: Curve, threshold: float, per_day: float) -> ExpectedEffect:
    """Return the effect of a threshold at this rate of transactions, if they are like those of the curve."""
    place = min(range(len(curve.thresholds)), key=lambda place: abs(curve.thresholds[place] - threshold))
    alerts, caught, amount = curve.alerts[place], curve.caught[place], curve.caught_amount[place]
    scale = per_day / curve.transactions
    return ExpectedEffect(
        alerts=alerts * scale,
        precision=caught / alerts if alerts else None,
        recall=caught / curve.frauds,
        caught_amount=amount * scale,
        missed_amount=(curve.fraud_amount - amount) * scale,
    )


def stream_alerts(stream: StreamStats, threshold: float, per_day: float) -> float | None:
    """Return the alerts per day by the scores of the stream; None if it has no transactions."""
    if not stream.transactions:
        return None
    place = min(max(round(threshold * 100), 1), len(THRESHOLDS)) - 1
    return stream.reaching[place] / stream.transactions * per_day


def confirmed(judged: Sequence[tuple[float, bool]], threshold: float) -> Precision:
    """Return the precision of the judged alerts (score, fraud) that reach a threshold."""
    outcomes = [fraud for score, fraud in judged if score >= threshold]
    return Precision(sum(outcomes), len(outcomes))


def read_data(connection: Connection, latest: int = LATEST) -> WhatIfData:
    """Return the scores of the latest transactions and the latest verdicts."""
    query = """
        select array_agg(place), count(distinct event_time::date) from (
            select width_bucket(s.score, %s::float8[]) as place, t.event_time
            from (select transaction_id, score from scores order by arrival desc limit %s) s
            left join transactions t using (transaction_id)
        ) latest
    """
    with connection.cursor(row_factory=tuple_row) as cursor:
        places, days = cursor.execute(query, [list(THRESHOLDS), latest]).fetchone() or (None, 0)
        judged = cursor.execute(
            f"""
            select score, verdict = %s from verdicts v
            where verdict <> 'returned' and fraud_flag = 1 and {IS_LATEST} order by id desc limit %s
            """,  # noqa: S608  # a constant of ours
            [Verdict.FRAUD.value, latest],
        ).fetchall()
    return WhatIfData(StreamStats(len(places or ()), days, _reaching(places or ())), judged)


def _reaching(places: Sequence[int]) -> list[int]:
    """Return how many scores reach each of THRESHOLDS, given how many thresholds each score reaches."""
    counts = [0] * (len(THRESHOLDS) + 1)
    for place in places:
        counts[place] += 1
    return [sum(counts[place + 1 :]) for place in range(len(THRESHOLDS))]
