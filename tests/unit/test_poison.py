"""services.scorer.poison: which payment killed the process."""

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT
from services.common.errors import Reason, Reject
from services.common.kafka import Batch
from services.scorer.poison import DEATHS_ALONE, DEATHS_TOGETHER, SMALL_BATCH, Suspects


def batch(first: int, count: int = 1, partition: int = 0) -> Batch:
    messages = list[Any](range(count))
    return Batch(messages, {("t", partition): first + count}, {("t", partition): first})


def die_of(path: Path, *batches: Batch) -> Reject | None:
    """Live a life that ends while these batches are scored; return what was said of the last one before it."""
    suspects, last = Suspects(path), None
    with ExitStack() as stack:
        for one in batches:
            last = suspects.admit(one)
            stack.enter_context(suspects.scoring(one))
        path.with_suffix(".seen").write_bytes(path.read_bytes())
    path.write_bytes(path.with_suffix(".seen").read_bytes())
    return last


def live_through(path: Path, *batches: Batch) -> None:
    """Score these one after the other and end."""
    suspects = Suspects(path)
    for one in batches:
        assert suspects.admit(one) is None
        with suspects.scoring(one):
            pass


def test_a_killed_process_leaves_what_it_was_scoring(tmp_path: Path) -> None:
    """The file outlives a process that ends without a word."""
    script = (
        "import os, pathlib; from services.common.kafka import Batch; from services.scorer.poison import Suspects;"
        f"s = Suspects(pathlib.Path({str(tmp_path / 'file')!r}));"
        "scoring = s.scoring(Batch([1], {('t', 0): 8}, {('t', 0): 7})); scoring.__enter__(); os.abort()"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False, capture_output=True)

    assert Suspects(tmp_path / "file").at_most == 1
    assert '"scoring":[["t",0,7]]' not in (tmp_path / "file").read_text()
    assert '"deaths":[["t",0,7,0,1]]' in (tmp_path / "file").read_text()


def test_after_two_deaths_in_company_payments_are_scored_alone(tmp_path: Path) -> None:
    """As many of them as the batch had; then batches are as large as ever."""
    path = tmp_path / "file"
    for _ in range(DEATHS_TOGETHER):
        assert Suspects(path).at_most != 1
        die_of(path, batch(100, 5))

    suspects = Suspects(path)
    for offset in range(100, 105):
        assert suspects.at_most == 1
        assert suspects.admit(batch(offset)) is None
    assert suspects.at_most != 1


def test_after_a_death_in_a_large_batch_batches_are_small_for_a_while(tmp_path: Path) -> None:
    """So a second death, wherever its batch began, leaves few that are scored alone; in the end all is as before."""
    path = tmp_path / "file"
    die_of(path, batch(0, 5_000))
    assert Suspects(path).at_most == SMALL_BATCH
    live_through(path, *(batch(first, SMALL_BATCH) for first in range(0, 1_000, SMALL_BATCH)))
    die_of(path, batch(1_000, SMALL_BATCH))

    suspects = Suspects(path)
    for offset in range(1_000, 1_000 + SMALL_BATCH):
        assert suspects.at_most == 1
        assert suspects.admit(batch(offset)) is None
    assert suspects.at_most == SMALL_BATCH
    for first in range(1_050, 5_200, SMALL_BATCH):
        suspects.admit(batch(first, SMALL_BATCH))
    assert suspects.at_most is None


def test_the_one_that_dies_three_times_alone_is_rejected(tmp_path: Path) -> None:
    """The others of its batch are scored, those before it and those after it."""
    path, deadly = tmp_path / "file", batch(102)
    for _ in range(DEATHS_TOGETHER):
        die_of(path, batch(100, 5))
    live_through(path, batch(100), batch(101))
    for _ in range(DEATHS_ALONE):
        assert die_of(path, deadly) is None

    suspects = Suspects(path)
    reject = suspects.admit(deadly)
    assert reject is not None
    assert reject.reason is Reason.CRASH
    assert suspects.admit(batch(103)) is None


def test_dying_of_something_else_makes_nobody_deadly(tmp_path: Path) -> None:
    """Killed at another payment each time, and when nothing is scored; deaths in company do not count as alone."""
    path = tmp_path / "file"
    for offset in range(20):
        die_of(path, batch(offset))
    for _ in range(20):
        live_through(path, batch(50))
    for _ in range(20):
        die_of(path, batch(60, 7))

    for offset in (*range(20), 50, 60):
        assert Suspects(path).admit(batch(offset)) is None


def test_two_at_a_time_are_both_remembered(tmp_path: Path) -> None:
    """The first offset of each partition is that of the older batch."""
    path = tmp_path / "file"
    die_of(path, batch(10, 4), batch(14, 3))
    die_of(path, batch(10, 4), batch(14, 3), batch(0, 2, partition=1))

    suspects = Suspects(path)
    assert suspects.at_most == 1
    assert '["t",0,10,2,0]' in path.read_text()
    assert '["t",1,0,1,0]' in path.read_text()


def test_an_error_that_is_reported_is_no_death(tmp_path: Path) -> None:
    """An exception clears the file: the process has lived."""
    path = tmp_path / "file"
    suspects = Suspects(path)
    for _ in range(5):
        with pytest.raises(ValueError, match="a word"), suspects.scoring(batch(3)):
            raise ValueError("a word")

    assert Suspects(path).at_most is None


@pytest.mark.parametrize("content", [b"", b"{", b"\0" * 100])
def test_a_damaged_file_suspects_nobody(tmp_path: Path, content: bytes) -> None:
    """It is a help, not a promise: without it the process dies on."""
    path = tmp_path / "file"
    path.write_bytes(content)

    assert Suspects(path).at_most is None
