"""The journal of uploads in a real PostgreSQL, through the page's own role."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from conftest import PASSWORDS
from stack.servers import PostgresServer
from ui.files import journal
from ui.files.journal import UploadState

Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture
def page(database: PostgresServer, mart: Connection) -> Iterator[Connection]:
    """A connection of the page's role, to an empty journal."""
    mart.execute("truncate uploads, upload_rows")
    login = {"user": "fraud_ui", "password": PASSWORDS["fraud_ui"]}
    with psycopg.connect(psycopg.conninfo.make_conninfo(database.conninfo, **login), autocommit=True) as connection:
        yield connection


def sent(page: Connection, *chunks: list[str]) -> UUID:
    """Enter an upload of these ids that was sent whole."""
    upload_id, total = uuid4(), sum(map(len, chunks))
    journal.begin(page, upload_id, "a.csv", 10, "ada")
    journal.update(page, upload_id, UploadState.SENDING, rows=total, refused=0)
    for number, ids in enumerate(chunks):
        journal.add_rows(page, upload_id, number, ids)
    journal.update(page, upload_id, UploadState.SENT, sent=total)
    return upload_id


def score(mart: Connection, *ids: str) -> None:
    for key in ids:
        mart.execute("insert into scores values (%s, 0.9, 1, now(), 0, 0)", [key])


def scored(page: Connection) -> int | None:
    journal.count_open(page)
    return journal.latest(page)[0].scored


def test_scores_are_counted_chunk_by_chunk(page: Connection, mart: Connection) -> None:
    """Until every row has one."""
    sent(page, ["a", "b"], ["c", "d"], ["e"])
    assert scored(page) == 0
    score(mart, "a", "other")
    assert scored(page) == 1
    score(mart, "b", "c")
    assert scored(page) == 3
    score(mart, "d", "e")
    assert scored(page) == 5


def test_a_row_without_a_score_holds_up_no_other(page: Connection, mart: Connection) -> None:
    """Chunks after one that never gets whole are counted too."""
    sent(page, *[[f"{chunk}-good", f"{chunk}-never"] for chunk in range(journal.COUNTED_AT_ONCE + 5)])
    score(mart, *[f"{chunk}-good" for chunk in range(journal.COUNTED_AT_ONCE + 5)])
    scored(page)
    assert scored(page) == journal.COUNTED_AT_ONCE + 5


@pytest.mark.parametrize("never", [1, 3])
def test_chunks_without_any_score_hold_up_no_other(page: Connection, mart: Connection, never: int) -> None:
    """As of rows that were all rejected: those behind are found one by one, and from the first on in order."""
    chunks = [[f"{chunk}"] for chunk in range(never + 10)]
    sent(page, *chunks)
    assert scored(page) == 0
    score(mart, *[ids[0] for ids in chunks[never:]])

    assert max(scored(page) or 0 for _ in range(never + 2)) == 10


def test_missing_ids_make_no_wrong_count(page: Connection, mart: Connection) -> None:
    """Where the database was unavailable while a file was sent, it is not known how many are scored."""
    upload_id = sent(page, ["a"])
    journal.update(page, upload_id, UploadState.SENT, sent=3)
    score(mart, "a")
    assert scored(page) is None


def test_a_silent_upload_is_told_as_interrupted(page: Connection, mart: Connection) -> None:
    """Its page has died; what ended in any other way stays what it is."""
    upload_id = uuid4()
    journal.begin(page, upload_id, "a.csv", 10, "ada")
    assert journal.latest(page)[0].state is UploadState.READING
    mart.execute("update uploads set touched_at = now() - interval '3 minutes'")
    assert journal.latest(page)[0].state is UploadState.INTERRUPTED


def test_old_uploads_are_forgotten(page: Connection, monkeypatch: pytest.MonkeyPatch, mart: Connection) -> None:
    """With their ids."""
    monkeypatch.setattr(journal, "RETAINED", 2)
    for name in ("a", "b", "c"):
        sent(page, [name])
    assert len(journal.latest(page)) == 2
    assert mart.execute("select count(*) from upload_rows").fetchall() == [(2,)]


@pytest.mark.parametrize(
    "statement",
    [
        "update uploads set analyst = 'eve'",
        "update uploads set file_name = 'x'",
        "update upload_rows set ids = '{}'",
        "delete from upload_rows",
        "insert into scores values ('x', 0, 0, now(), 0, 0)",
    ],
)
def test_the_page_may_change_only_what_it_must(page: Connection, statement: str) -> None:
    """Who sent what, and the scores, are not among it."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        page.execute(statement)


def test_rows_come_in_the_order_of_sending(page: Connection, mart: Connection) -> None:
    """With what is known of each."""
    upload_id = sent(page, ["b", "a"])
    score(mart, "a")
    rows = journal.scored_rows(page, upload_id, 0)
    assert [(row.transaction_id, row.score) for row in rows] == [("b", None), ("a", 0.9)]
    assert journal.scored_rows(page, upload_id, 1) == []
    assert journal.file_name_of(page, uuid4()) is None
