"""services.scorer.quarantine: which transaction crashed the process."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import pytest

from conftest import ROOT
from services.common.errors import Reason
from services.common.kafka.assignment import Batch
from services.scorer.quarantine import CRASHES_ALONE, Quarantine


class Record:
    """A message of Kafka as far as its place goes."""

    def __init__(self, partition: int, offset: int) -> None:
        self._place = ("t", partition, offset)

    def topic(self) -> str:
        return self._place[0]

    def partition(self) -> int:
        return self._place[1]

    def offset(self) -> int:
        return self._place[2]


def batch(first: int, count: int = 1, partition: int = 0) -> Batch:
    messages: list[Any] = [Record(partition, first + number) for number in range(count)]
    return Batch(messages, {("t", partition): first + count}, {("t", partition): first})


class Died(BaseException):
    """Where a process would have ended: what stands in the file then is what its next life finds."""


def live(path: Path, batches: Iterable[Batch], poison: frozenset[int] = frozenset()) -> dict[int, Reason]:
    """Score batches one after the other, until one of them holds the offset of a poison; return what was rejected.

    Raises:
        Died: it did.
    """
    quarantine = Quarantine(path)
    rejected: dict[int, Reason] = {}

    def swallow(offsets: Iterable[int]) -> None:
        if not poison.isdisjoint(offsets):
            left = path.read_bytes()
            raise Died(left)

    try:
        for one in batches:
            offsets = [message.offset() or 0 for message in one.messages]
            with quarantine.guard(one) as poisoned:
                quarantine.probe(one, lambda row, offsets=offsets: swallow([offsets[row]]))  # type: ignore[misc]
                swallow(offset for row, offset in enumerate(offsets) if row not in poisoned)
            quarantine.clear(one)
            rejected |= {offsets[row]: reject.reason for row, reject in poisoned.items()}
    except Died as death:
        path.write_bytes(death.args[0])
        raise
    return rejected


def crashes_until_over(path: Path, batches: list[Batch], poison: frozenset[int]) -> tuple[int, dict[int, Reason]]:
    """Start again after each crash, at the first batch; return the number of crashes, and what was rejected at last."""
    for deaths in range(100):
        try:
            return deaths, live(path, batches, poison)
        except Died:
            continue
    raise AssertionError("it dies for ever")


def test_a_killed_process_leaves_what_it_was_scoring(tmp_path: Path) -> None:
    """The file outlives a process that ends without a word."""
    script = (
        "import os, pathlib; from services.common.kafka.assignment import Batch;"
        "from services.scorer.quarantine import Quarantine;"
        f"q = Quarantine(pathlib.Path({str(tmp_path / 'file')!r}));"
        "guard = q.guard(Batch([], {('t', 0): 8}, {('t', 0): 7})); guard.__enter__(); os.abort()"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False, capture_output=True)

    tried: list[int] = []
    Quarantine(tmp_path / "file").probe(batch(6, 3), tried.append)
    assert tried == [1]


def test_a_transaction_that_kills_is_found_and_rejected_and_the_rest_is_scored(tmp_path: Path) -> None:
    """A death in company, then three alone; whatever else lies in the batch."""
    deaths, rejected = crashes_until_over(tmp_path / "file", [batch(0, 1_000)], frozenset({321}))

    assert deaths == 1 + CRASHES_ALONE
    assert rejected == {321: Reason.CRASH}


def test_two_that_kill_in_one_batch_are_both_found(tmp_path: Path) -> None:
    """One after the other."""
    deaths, rejected = crashes_until_over(tmp_path / "file", [batch(0, 50), batch(50, 50)], frozenset({10, 70, 99}))

    assert rejected == dict.fromkeys((10, 70, 99), Reason.CRASH)
    assert deaths <= 2 + 3 * CRASHES_ALONE


def test_a_suspect_stays_one_however_much_of_other_partitions_comes_first(tmp_path: Path) -> None:
    """Not a number of transactions clears it, but that it was scored."""
    path, poisoned = tmp_path / "file", batch(0, 5, partition=1)
    with pytest.raises(Died):
        live(path, [poisoned], frozenset({3}))
    others = [batch(10_000 + first, 1_000) for first in range(0, 20_000, 1_000)]

    deaths, rejected = crashes_until_over(path, [*others, poisoned], frozenset({3}))

    assert deaths == CRASHES_ALONE
    assert rejected == {3: Reason.CRASH}


def test_a_poisoned_one_is_known_until_a_later_batch_was_scored(tmp_path: Path) -> None:
    """A batch that could not be written is read again: its poisoned transaction must not crash it again."""
    path, poisoned = tmp_path / "file", batch(0, 5)
    crashes_until_over(path, [poisoned], frozenset({3}))

    assert live(path, [poisoned]) == {3: Reason.CRASH}
    live(path, [batch(5, 5)])
    assert live(path, [poisoned]) == {}


def test_dying_of_something_else_makes_nobody_poisoned(tmp_path: Path) -> None:
    """Killed from outside, in one batch after the other: all of them are scored in the end."""
    path = tmp_path / "file"
    for first in range(0, 200, 10):
        with pytest.raises(Died):
            live(path, [batch(first, 10)], frozenset({first}))

    assert live(path, [batch(first, 10) for first in range(0, 200, 10)]) == {}


def test_what_was_scored_is_not_suspected(tmp_path: Path) -> None:
    """Trying alone costs time: it ends with the first batch that reaches so far."""
    path = tmp_path / "file"
    with pytest.raises(Died):
        live(path, [batch(0, 10)], frozenset({5}))
    quarantine, tried = Quarantine(path), list[int]()

    for _ in range(2):
        quarantine.probe(batch(0, 20), tried.append)
        quarantine.clear(batch(0, 20))

    assert tried == list(range(10))


def test_while_one_is_probed_the_file_names_it_alone(tmp_path: Path) -> None:
    """A crash then convicts this one and not its batch."""
    path = tmp_path / "file"
    with pytest.raises(Died):
        live(path, [batch(0, 3)], frozenset({0}))
    quarantine, marks = Quarantine(path), list[tuple[object, object]]()

    def mark(_: int = 0) -> None:
        left = orjson.loads(path.read_bytes())
        marks.append((left["tried"], left["scoring"]))

    with quarantine.guard(batch(0, 1)):
        mark()
        quarantine.probe(batch(0, 1), mark)
        mark()
    mark()

    assert marks == [(None, [["t", 0, 0, 1]]), (["t", 0, 0], []), (None, [["t", 0, 0, 1]]), (None, [])]


def test_an_error_that_is_reported_is_no_death(tmp_path: Path) -> None:
    """An exception clears the file: the process has lived."""
    path, tried = tmp_path / "file", list[int]()
    quarantine = Quarantine(path)
    for _ in range(5):
        with pytest.raises(ValueError, match="a word"), quarantine.guard(batch(3)):
            raise ValueError("a word")

    Quarantine(path).probe(batch(3), tried.append)
    assert tried == []


@pytest.mark.parametrize("content", [b"", b"{", b"\0" * 100])
def test_a_damaged_file_suspects_nobody(tmp_path: Path, content: bytes) -> None:
    """It is a help, not a promise: without it the process dies on."""
    path, tried = tmp_path / "file", list[int]()
    path.write_bytes(content)

    Quarantine(path).probe(batch(3), tried.append)
    assert tried == []
