"""Ids of a file that other transactions have: told before anything is sent, and kept apart if that is wanted."""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from services.common.reading.stored import decode_transaction
from services.sender.__main__ import main
from services.sender.csvfile import prepare
from services.sender.ids import Look, TakenIds
from services.sender.report import FileFault, FileRefused
from tests.support.other_contracts import SHIPPED

FIELDS = tuple(SHIPPED.fields)
ROW = "2020-03-0{day} 08:00,fraud_Alder,grocery_pos,{amount},Ann,Vale,F,0 First Road,Northby,TX,75001,32.9,-97.1,2680,Glazier,32.6,-96.5"  # noqa: E501
Messages = list[tuple[bytes | None, bytes]]


@pytest.fixture(autouse=True)
def temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the sender's temporary files within the test's folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def written(folder: Path, rows: dict[str, str]) -> Path:
    """Return a file with a column of ids."""
    path = folder / "transactions.csv"
    lines = [f"{transaction_id},{row}" for transaction_id, row in rows.items()]
    path.write_text("\n".join([f"transaction_id,{','.join(FIELDS)}", *lines, ""]))
    return path


def stored(messages: Messages) -> Look:
    """Return a mart that holds these messages."""
    held = {row[0]: row[:8] for row in (decode_transaction(value, "", 0, 0, SHIPPED) for _, value in messages)}

    def look(ids: list[str]) -> Iterable[Sequence[Any]]:
        return [held[name] for name in ids if name in held]

    return look


def sent(path: Path, policy: TakenIds, look: Look | None) -> Messages:
    with prepare(path, contract=SHIPPED) as prepared:
        prepared.settle_ids(policy, look)
        return list(prepared)


def ids_of(messages: Messages) -> list[str]:
    return [orjson.loads(value)["transaction_id"] for _, value in messages]


MARCH = {"1": ROW.format(day=1, amount="53.63"), "2": ROW.format(day=2, amount="45.26")}
APRIL = {"1": ROW.format(day=3, amount="995.7"), "2": MARCH["2"], "3": ROW.format(day=4, amount="995.7")}


def test_ids_of_other_transactions_are_told_and_nothing_is_sent(tmp_path: Path) -> None:
    """With their number; equal content under the same id is no conflict, nor is an id that is new."""
    march = sent(written(tmp_path, MARCH), TakenIds.ASK, stored([]))
    assert sent(written(tmp_path, MARCH), TakenIds.ASK, stored(march)) == march
    with pytest.raises(FileRefused, match=r"first 1: 1$") as refused:
        sent(written(tmp_path, APRIL), TakenIds.ASK, stored(march))
    assert refused.value.code == FileFault.IDS_TAKEN


def test_both_are_kept_under_ids_of_their_own(tmp_path: Path) -> None:
    """Only those that are taken get others, which are those of their content: sent again, nothing is added."""
    march = sent(written(tmp_path, MARCH), TakenIds.ASK, stored([]))
    april = sent(written(tmp_path, APRIL), TakenIds.OWN, stored(march))
    (own,) = set(ids_of(april)) - {"2", "3"}
    assert len(own) == 36
    assert ids_of(sent(written(tmp_path, APRIL), TakenIds.OWN, stored(march + april))) == ids_of(april)


def test_overwriting_is_a_choice(tmp_path: Path) -> None:
    """For which nothing need be asked."""
    assert sorted(ids_of(sent(written(tmp_path, APRIL), TakenIds.OVERWRITE, None))) == ["1", "2", "3"]


def test_an_id_that_stands_twice_in_a_file_is_taken(tmp_path: Path) -> None:
    """By the other row, if that is another transaction."""
    path = written(tmp_path, MARCH)
    path.write_text(path.read_text() + f"1,{APRIL['1']}\n2,{MARCH['2']}\n")
    with pytest.raises(FileRefused, match=r"first 1: 1$"):
        sent(path, TakenIds.ASK, stored([]))


def test_without_the_database_nothing_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file without ids needs none; the command names its switch."""
    monkeypatch.setenv("PGHOST", str(tmp_path))
    assert main([str(written(tmp_path, MARCH))]) == 2
    assert "--ids overwrite" in capsys.readouterr().err
    plain = tmp_path / "plain.csv"
    plain.write_text("\n".join([",".join(FIELDS), MARCH["1"], ""]))
    assert len(sent(plain, TakenIds.ASK, None)) == 1
