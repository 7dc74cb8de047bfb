"""The sender's command: what it prints and its exit codes."""

import tempfile
from pathlib import Path

import pytest

from services.sender.__main__ import main
from tests.support.other_contracts import SHIPPED

HEADER = ",".join(SHIPPED.fields)
ROW = (
    "2019-07-25 20:30,fraud_X,home,87.8,Bob,Sample,M,2 Test Lane,Falconer,NY,14733,42.1239,-79.1895,3833,Metallurgist,"
    "42.635312,-78.334559"
)


@pytest.fixture(autouse=True)
def temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the sender's temporary files within the test's folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "good.csv"
    path.write_text(f"\ufeff{HEADER}\n{ROW}\n")
    return str(path)


@pytest.fixture
def with_a_bad_row(tmp_path: Path) -> str:
    path = tmp_path / "bad.csv"
    path.write_text(f"{HEADER}\n{ROW}\n{ROW.replace('87.8', 'much')}\n")
    return str(path)


def test_a_good_file_ends_with_0_and_its_repairs_are_told(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The report says how many rows are ready and what was repaired."""
    assert main(["--check", good]) == 0
    told = capsys.readouterr().out
    assert "good.csv: 1 rows, 1 ready, 0 refused (utf-8, separator ,)" in told
    assert "repaired: bom, 1 times" in told


def test_refused_rows_end_with_1_and_are_told_by_line(with_a_bad_row: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The report names line and field of the refused row."""
    assert main(["--check", with_a_bad_row]) == 1
    assert "line 3 refused: amount is not a number" in capsys.readouterr().out


def test_an_unusable_file_ends_with_2_and_the_others_are_still_read(
    good: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The worst file decides the exit code; the reason goes to standard error."""
    assert main(["--check", str(tmp_path / "none.csv"), good]) == 2
    told = capsys.readouterr()
    assert "none.csv: cannot be used (unreadable)" in told.err
    assert "1 ready" in told.out


def test_kafka_away_ends_with_2(good: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A good file that cannot be sent is no success."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "localhost:1")
    monkeypatch.setattr("services.sender.publish.CONNECT_WAIT_S", 0.2)
    assert main([good]) == 2
    assert "not sent: Kafka does not answer" in capsys.readouterr().err
