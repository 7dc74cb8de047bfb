"""Draws the blind sample: transactions that were not flagged and enter the queue all the same, with known probability.

Every few minutes a stratified random sample is drawn from what arrived since the draw before. Where the model expects
more frauds, more is drawn: Neyman's optimal allocation with the score as the guess (J. Neyman, Journal of the Royal
Statistical Society 97(4), 1934; for judging classifiers: C. Sawade and others, "Active Estimation of F-Measures",
NIPS 2010). Only how narrow the estimates are depends on that guess, not whether they are right.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import floor, sqrt

from psycopg.rows import class_row, tuple_row

from ui.database import Connection, Database
from ui.watch import Watch

EVERY_SECONDS = 300.0

EDGES = (0.0001, 0.001, 0.01, 0.1)
"""Scores that separate the strata; an edge belongs to the stratum above."""

STRATA = len(EDGES) + 1

SHARE_AT_LEAST = 0.001
"""Share of frauds that any stratum is taken to have at least: what the model misses is where it expects nothing."""

DRAWN_FROM_MAX = 2_000_000
"""Arrivals that one draw covers at most: what is left is drawn from the next time."""

WINDOW_DAYS = 30
"""Days for which a draw counts: then its transactions leave the queue and the estimates."""

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LastDraw:
    """The arrival up to which was drawn, and how long ago."""

    last_arrival: int
    age: timedelta


@dataclass(frozen=True, slots=True)
class Counts:
    """What is drawn from: flagged transactions, and by stratum those not flagged and their mean score."""

    flagged: int
    populations: list[int]
    mean_scores: list[float]


LAST_DRAW = """
    select last_arrival, now() - drawn_at as age from blind_draws order by last_arrival desc limit 1
"""

COUNTS = """
    select fraud_flag, width_bucket(score, %(edges)s::float8[]) as place, count(*), avg(score)
    from scores where arrival between %(first)s and %(last)s group by 1, 2
"""

ADD_DRAW = """
    insert into blind_draws (first_arrival, last_arrival, flagged, populations, probabilities)
    values (%s, %s, %s, %s, %s) returning draw_id
"""

ADD_SAMPLES = """
    insert into blind_samples (transaction_id, draw_id, stratum, probability)
    select transaction_id, %(draw_id)s, %(place)s + 1, %(probability)s from scores
    where arrival between %(first)s and %(last)s and fraud_flag = 0
        and width_bucket(score, %(edges)s::float8[]) = %(place)s
    order by random() limit %(size)s
    on conflict do nothing  -- drawn before, and scored again since
"""


class BlindSampler:
    """Draws `per_day` transactions a day on average; what a quiet time leaves of a day's number is drawn later."""

    def __init__(self, per_day: int, chance: random.Random | None = None) -> None:
        self._per_day = per_day
        self._chance = chance or random.SystemRandom()
        self._begin: int | None = None
        self._settled = -1

    def draw(self, connection: Connection) -> int:
        """Draw from what has arrived since the last draw; return how many were drawn."""
        with connection.transaction():
            connection.execute("select pg_advisory_xact_lock(hashtext('blind_draws'))")  # pages draw one after another
            return self._draw(connection)

    def _draw(self, connection: Connection) -> int:
        # A row gets its arrival when it is written, but can be read only after the sink's database transaction. So only
        # what had arrived at the look before is drawn from: nothing becomes readable among it any more.
        settled = self._settled
        ((self._settled,),) = connection.execute("select coalesce(max(arrival), 0) from scores").fetchall()
        if self._begin is None:
            self._begin = self._settled + 1
            return 0
        with connection.cursor(row_factory=class_row(LastDraw)) as cursor:
            before = cursor.execute(LAST_DRAW).fetchone()
        first = before.last_arrival + 1 if before else self._begin
        last = min(settled, first + DRAWN_FROM_MAX - 1)
        counts = count(connection, first, last)
        if not (counts.flagged or any(counts.populations)):
            return 0
        share_of_a_day = min(before.age / DAY, 1.0) if before else 1.0
        expected = allocate(self._per_day * share_of_a_day, counts.populations, counts.mean_scores)
        return self._store(connection, first, last, counts, expected)

    def _store(self, connection: Connection, first: int, last: int, counts: Counts, expected: Sequence[float]) -> int:
        probabilities = [
            one / population if population else 0.0
            for one, population in zip(expected, counts.populations, strict=True)
        ]
        values = [first, last, counts.flagged, counts.populations, probabilities]
        ((draw_id,),) = connection.execute(ADD_DRAW, values).fetchall()
        drawn = 0
        for place, (size, probability) in enumerate(zip(expected, probabilities, strict=True)):
            if rounded := round_at_random(size, self._chance):
                parameters = {"draw_id": draw_id, "place": place, "probability": probability, "size": rounded}
                parameters |= {"first": first, "last": last, "edges": list(EDGES)}
                drawn += connection.execute(ADD_SAMPLES, parameters).rowcount
        return drawn


def count(connection: Connection, first: int, last: int) -> Counts:
    """Return what can be drawn from among the arrivals from `first` to `last`, both included."""
    with connection.cursor(row_factory=tuple_row) as cursor:
        found = cursor.execute(COUNTS, {"first": first, "last": last, "edges": list(EDGES)}).fetchall()
    populations, means = [0] * STRATA, [0.0] * STRATA
    for flag, place, number, mean in found:
        if not flag:
            populations[place], means[place] = number, mean
    return Counts(sum(row[2] for row in found if row[0]), populations, means)


def allocate(size: float, populations: Sequence[int], mean_scores: Sequence[float]) -> list[float]:
    """Return how much of a sample falls to each stratum: in proportion to population * sqrt(p * (1 - p)).

    `p` is the stratum's share of frauds as the mean score has it. No stratum gets more than its population; the others
    share what it leaves.
    """
    guesses = [max(mean, SHARE_AT_LEAST) for mean in mean_scores]
    weights = [n * sqrt(p * (1 - p)) for n, p in zip(populations, guesses, strict=True)]
    shares = [0.0] * len(populations)
    open_places = {place for place, weight in enumerate(weights) if weight}
    while open_places:
        left = size - sum(shares)
        total = sum(weights[place] for place in open_places)
        full = {place for place in open_places if left * weights[place] / total >= populations[place]}
        for place in full or open_places:
            shares[place] = populations[place] if full else left * weights[place] / total
        open_places = open_places - full if full else set()
    return shares


def round_at_random(number: float, chance: random.Random) -> int:
    """Return one of the two integers beside a number, so that the mean is the number."""
    return floor(number) + (chance.random() < number - floor(number))


def watch_sample(mart: Database, per_day: int) -> Watch[int]:
    """Return what draws `per_day` transactions a day, whether anybody looks or not; not started."""
    sampler = BlindSampler(per_day)
    return Watch(lambda: mart.ask(sampler.draw), EVERY_SECONDS, "draw-sample", rest_seconds=0)
