"""Rows on their two ways into a table: straight, as long as all are new, or merged."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from services.sink import merge
from services.sink.merge import Merger, Row, Written
from services.sink.tables import SCORES

Connection = psycopg.Connection[tuple[Any, ...]]
AT = datetime(2026, 1, 1, tzinfo=UTC)
COUNT = 2 * merge.WORTH_A_SAVEPOINT


def scores(start: int, value: float, first_offset: int) -> list[Row]:
    return [(f"t{start + n}", value, 0, AT, 0, first_offset + n) for n in range(COUNT)]


@pytest.fixture
def merger(mart: Connection) -> Merger:
    mart.execute(SCORES.create_staging())
    return Merger(mart)


@pytest.fixture
def merges(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the tables that were merged into, in order."""
    merged: list[str] = []
    real = merge.merge

    def noted(*arguments: Any) -> Written:
        merged.append(arguments[1].name)
        return real(*arguments)

    monkeypatch.setattr(merge, "merge", noted)
    return merged


def bring(mart: Connection, merger: Merger, rows: list[Row]) -> Written:
    with mart.transaction():
        return merger.bring(SCORES, rows)


def test_new_rows_go_straight_until_some_are_known(mart: Connection, merger: Merger, merges: list[str]) -> None:
    """The batch that meets a known row is merged, whole, and so are the next ones until all are new again."""
    assert bring(mart, merger, scores(0, 0.1, 0)) == Written(COUNT, 0)
    assert bring(mart, merger, scores(COUNT, 0.1, COUNT)) == Written(COUNT, 0)
    assert len(merges) == 1, "the second batch goes straight"

    half_known = scores(COUNT + COUNT // 2, 0.2, 2 * COUNT)
    assert bring(mart, merger, half_known) == Written(COUNT, COUNT // 2)
    assert bring(mart, merger, half_known) == Written(0, 0)
    assert bring(mart, merger, scores(10 * COUNT, 0.3, 3 * COUNT)) == Written(COUNT, 0)
    assert len(merges) == 4
    assert bring(mart, merger, scores(20 * COUNT, 0.3, 4 * COUNT)) == Written(COUNT, 0)
    assert len(merges) == 4

    counted = mart.execute("select score, count(*) from scores group by score order by score").fetchall()
    assert counted == [(0.1, COUNT + COUNT // 2), (0.2, COUNT), (0.3, 2 * COUNT)]


def test_a_row_the_database_refuses_is_no_known_row(mart: Connection, merger: Merger, merges: list[str]) -> None:
    """On the straight way too it is an error of the batch: who brings it looks for the row at fault."""
    bring(mart, merger, scores(0, 0.1, 0))
    wrong: list[Row] = [*scores(COUNT, 0.1, COUNT), ("wrong", 7.0, 0, AT, 0, 3 * COUNT)]

    with pytest.raises(psycopg.errors.CheckViolation):
        bring(mart, merger, wrong)

    assert len(merges) == 1
    assert mart.execute("select count(*) from scores").fetchone() == (COUNT,)
