"""Rows on their two ways into a table: straight, as long as all are new, or merged."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from services.common.errors import Reject
from services.common.kafka.assignment import Batch
from services.scorer.models.shadow import ShadowStats
from services.sink import merge, write
from services.sink.decode import decode_model_message
from services.sink.merge import Merger, MergeResult, Row, TableRows
from services.sink.rejects import RejectRow
from services.sink.tables import ALERTS, SCORES, SPANS, Table
from services.sink.write import MartWriter
from ui.threshold.models import ScoringModel, model_in_use, read_models

Connection = psycopg.Connection[tuple[Any, ...]]
AT = datetime(2026, 1, 1, tzinfo=UTC)
COUNT = 100
REASONS: list[dict[str, Any]] = []
TOPICS = {SCORES: "scores", ALERTS: "alerts"}


def scores(start: int, value: float, first_offset: int) -> list[Row]:
    return [(f"t{start + n}", value, 0, AT, 0, first_offset + n) for n in range(COUNT)]


def alerts(start: int, first_offset: int) -> list[Row]:
    return [(f"t{start + n}", REASONS, "m", 0.5, AT, 0, first_offset + n) for n in range(COUNT)]


class Sink:
    """Keeps rows of scores and alerts, a batch a call; the next batch begins where the last one ended."""

    def __init__(self, mart: MartWriter) -> None:
        self._mart = mart
        self._positions = mart.positions({(topic, 0): 0 for topic in TOPICS.values()}, {})

    def keep(self, *parts: tuple[Table, list[Row]]) -> tuple[dict[str, MergeResult], list[RejectRow]]:
        """Return what changed in the tables, and the rejects."""
        after = {place: offset + COUNT for place, offset in self._positions.items()}
        batch = Batch(next_offsets=after, first_offsets=self._positions)
        rows = [TableRows(table, TOPICS[table], some) for table, some in parts]
        kept = self._mart.write(batch, rows, [])
        self._positions = after
        return kept


@pytest.fixture
def sink(mart: Connection) -> Iterator[Sink]:
    for table in TOPICS:
        mart.execute(table.create_staging())
    yield Sink(MartWriter(mart, "cluster"))
    assert mart.execute("select count(*) from sink_offsets where next_offset = 0").fetchone() == (0,)


@pytest.fixture
def merges(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the tables that were merged into, in order."""
    merged: list[str] = []
    real: Any = merge.merge

    def noted(*arguments: Any, **options: bool) -> MergeResult:
        merged.append(arguments[1].name)
        written: MergeResult = real(*arguments, **options)
        return written

    monkeypatch.setattr(merge, "merge", noted)
    return merged


def test_new_rows_go_straight_until_some_are_known(mart: Connection, sink: Sink, merges: list[str]) -> None:
    """The batch that meets a known row is merged, whole, and so are the next ones until all are new again."""

    def kept(rows: list[Row]) -> MergeResult:
        return sink.keep((SCORES, rows))[0]["scores"]

    assert kept(scores(0, 0.1, 0)) == MergeResult(COUNT, 0)
    assert kept(scores(COUNT, 0.1, COUNT)) == MergeResult(COUNT, 0)
    assert len(merges) == 1, "the second batch goes straight"

    half_known = scores(COUNT + COUNT // 2, 0.2, 2 * COUNT)
    assert kept(half_known) == MergeResult(COUNT, COUNT // 2)
    assert kept(half_known) == MergeResult(0, 0)
    assert kept(scores(10 * COUNT, 0.3, 3 * COUNT)) == MergeResult(COUNT, 0)
    assert len(merges) == 4
    assert kept(scores(20 * COUNT, 0.3, 4 * COUNT)) == MergeResult(COUNT, 0)
    assert len(merges) == 4

    counted = mart.execute("select score, count(*) from scores group by score order by score").fetchall()
    assert counted == [(0.1, COUNT + COUNT // 2), (0.2, COUNT), (0.3, 2 * COUNT)]


def test_what_a_known_row_undoes_is_written_again(mart: Connection, sink: Sink, merges: list[str]) -> None:
    """Two tables of one batch, known rows in both: each is found out by itself, and nothing comes twice."""
    for start in (0, COUNT):
        sink.keep((SCORES, scores(start, 0.1, start)), (ALERTS, alerts(start, start)))
    assert merges == ["scores", "alerts"]

    half = COUNT // 2
    written, rejects = sink.keep((SCORES, scores(half, 0.2, 2 * COUNT)), (ALERTS, alerts(COUNT + half, 2 * COUNT)))

    assert (written["scores"], written["alerts"]) == (MergeResult(COUNT, COUNT), MergeResult(half, 0))
    assert merges[2:] == ["scores", "scores", "alerts"], "the alerts' known row came to light at the second try"
    assert not rejects
    assert mart.execute("select count(*) from scores").fetchone() == (2 * COUNT,)
    assert mart.execute("select count(*) from alerts").fetchone() == (2 * COUNT + half,)


def test_a_row_the_database_refuses_is_no_known_row(mart: Connection, merges: list[str]) -> None:
    """On the straight way too it is an error of the batch: who brings it looks for the row at fault."""
    mart.execute(SCORES.create_staging())
    merger = Merger(mart)
    with mart.transaction():
        merger.load(SCORES, scores(0, 0.1, 0))
    wrong: list[Row] = [*scores(COUNT, 0.1, COUNT), ("wrong", 7.0, 0, AT, 0, 3 * COUNT)]

    with pytest.raises(psycopg.errors.CheckViolation), mart.transaction():
        merger.load(SCORES, wrong)

    assert len(merges) == 1
    assert mart.execute("select count(*) from scores").fetchone() == (COUNT,)


def test_a_row_that_cannot_be_encoded_is_looked_for_too(mart: Connection) -> None:
    """An error of Python's, in the middle of a COPY, is one of that row; the others are kept."""
    mart.execute(SPANS.create_staging())
    spans: list[Row] = [(f"s{n}", 0, n, "m", "x", 0.5, AT, 0, n) for n in range(10)]
    spans[7] = ("s7", 0, 2**63, "m", "x", 0.5, AT, 0, 7)
    refused: list[tuple[Row, Reject]] = []

    with mart.transaction():
        written = merge.merge_bisecting(mart, SPANS, spans, lambda row, reject: refused.append((row, reject)))

    assert written == MergeResult(9, 0)
    [(row, reject)] = refused
    assert row == spans[7]
    assert "cannot be encoded: OverflowError" in reject.message


def test_the_row_at_fault_is_looked_for(
    mart: Connection, sink: Sink, merges: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By halving the batch that went straight; the others are kept."""
    rejected: list[Row] = []
    monkeypatch.setattr(write, "_Refused", lambda _batch, _topic, _rejects: lambda row, _reject: rejected.append(row))
    sink.keep((SCORES, scores(0, 0.1, 0)))
    wrong: Row = ("wrong", 7.0, 0, AT, 0, 3 * COUNT)

    sink.keep((SCORES, [*scores(COUNT, 0.1, COUNT), wrong]))

    assert rejected == [wrong]
    assert len(merges) > 2, "halved"
    assert mart.execute("select count(*) from scores").fetchone() == (2 * COUNT,)


def test_what_is_read_last_wins_whatever_its_offset(mart: Connection, sink: Sink) -> None:
    """The offsets of a topic that was recreated begin again: its scores are no older for that."""
    sink.keep((SCORES, scores(0, 0.1, 1_000)))

    written, _ = sink.keep((SCORES, scores(0, 0.9, 5)))

    assert written["scores"] == MergeResult(COUNT, COUNT)
    assert mart.execute("select distinct score from scores").fetchall() == [(0.9,)]


def span(partition: int, first_offset: int, model: str, offset: int) -> Row:
    return f"{partition}/{first_offset}", partition, first_offset, model, "x", 0.5, AT, 0, offset


def test_the_model_in_use_is_the_one_that_was_told_last(mart: Connection) -> None:
    """Also once its topic was recreated, and where a span of before has the same name and place."""
    mart.execute(SPANS.create_staging())
    for told in (span(0, 0, "a", 0), span(0, 50, "b", 900), span(0, 0, "c", 0), span(0, 20, "d", 3)):
        with mart.transaction():
            merge.merge(mart, SPANS, [told])
    mart.execute(
        "insert into transactions (transaction_id, src_partition, src_offset) values ('t', 0, 10), ('u', 0, 70)"
    )
    mart.execute(
        "insert into scores (transaction_id, score, fraud_flag, scored_at, src_partition, src_offset)"
        " select transaction_id, 0.5, 0, now(), 0, src_offset from transactions"
    )

    assert model_in_use(mart) == ScoringModel("d", 0.5)
    assert [one.model_version for one in read_models(mart).starts] == ["d", "c", "b"]
    of = mart.execute("select transaction_id, model_version from scores_with_models order by 1").fetchall()
    assert of == [("t", "c"), ("u", "d")]


def test_a_span_that_is_read_again_changes_nothing(mart: Connection) -> None:
    """The order stays that in which they were told."""
    mart.execute(SPANS.create_staging())
    both = [span(0, 0, "a", 0), span(0, 50, "b", 1)]
    for told in (*both, both[0]):
        with mart.transaction():
            merge.merge(mart, SPANS, [told])

    assert model_in_use(mart) == ScoringModel("b", 0.5)


def test_tallies_of_a_topic_that_was_recreated_are_others() -> None:
    """The same place at another time; the same record is the same tally."""
    tally = ShadowStats("a", "b", scored=1).record()["value"]
    (_, first), (_, second), (_, again) = (decode_model_message(tally, at, 0, 7) for at in (1_000, 2_000, 1_000))

    assert first[0] == again[0] != second[0]
