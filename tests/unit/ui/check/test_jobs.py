"""Accepted uploads run to their end, watched or not."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.sender.ids import TakenIds
from services.sender.report import FileFault
from ui.check import jobs
from ui.check.jobs import Jobs
from ui.check.steps import Cancelled, ReadingFile, Refused, Step
from ui.check.upload import UploadRequest

END = Refused(FileFault.EMPTY, "")


class Sender:
    """Stands in for Uploads: reads until it is released or cancelled."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.reading = threading.Semaphore(0)

    def send(self, order: UploadRequest) -> Iterator[Step]:
        yield ReadingFile(7)
        self.reading.release()
        while not self.go.wait(0.01):
            if order.is_cancelled:
                yield Cancelled()
                return
        yield END


@pytest.fixture
def sender() -> Iterator[Sender]:
    """A sender that ends with the test."""
    sender = Sender()
    yield sender
    sender.go.set()


def test_who_stops_watching_ends_nothing(sender: Sender) -> None:
    """And whoever comes later sees how far it is, by its id."""
    uploads = Jobs(sender.send)
    job = uploads.start(Path("a.csv"), "ada")
    assert job
    assert sender.reading.acquire(timeout=10)
    watching = job.steps()
    assert next(watching) == ReadingFile(7)
    watching.close()  # type: ignore[attr-defined]
    assert uploads.under_way() == [job]
    assert uploads.find(str(job.upload_id)) is job
    sender.go.set()
    assert list(job.steps())[-1] == END
    assert uploads.under_way() == []
    assert uploads.find("another") is None


def test_what_is_done_with_taken_ids_goes_along() -> None:
    """Of each upload the reader's choice, and nothing is overwritten without one."""
    orders: list[UploadRequest] = []

    def send(order: UploadRequest) -> Iterator[Step]:
        orders.append(order)
        yield END

    uploads = Jobs(send)
    for job in (uploads.start(Path("a.csv"), "ada"), uploads.start(Path("b.csv"), "ada", TakenIds.OVERWRITE)):
        assert job
        assert list(job.steps())[-1] == END
    assert [order.taken_ids for order in orders] == [TakenIds.ASK, TakenIds.OVERWRITE]


def test_one_is_cancelled_from_anywhere(sender: Sender) -> None:
    """The others go on."""
    uploads = Jobs(sender.send)
    one, other = (uploads.start(Path("a.csv"), "ada") for _ in range(2))
    assert one
    assert other
    one.cancel()
    assert isinstance(list(one.steps())[-1], Cancelled)
    assert uploads.under_way() == [other]


def test_only_so_many_are_accepted(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each holds a file; of those that ended only the last reports are retained."""
    monkeypatch.setattr(jobs, "UNDER_WAY_MAX", 2)
    monkeypatch.setattr(jobs, "ENDED_RETAINED", 1)
    uploads = Jobs(sender.send)
    accepted = [uploads.start(Path("a.csv"), "ada") for _ in range(3)]
    assert accepted[2] is None
    sender.go.set()
    uploads.close()
    last = uploads.start(Path("a.csv"), "ada")
    assert [bool(job and uploads.find(str(job.upload_id))) for job in [*accepted[:2], last]] == [False, True, True]


def test_an_unforeseen_error_is_logged_and_reported(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody may be watching."""

    def send(_: UploadRequest) -> Iterator[Step]:
        yield ReadingFile(0)
        raise ZeroDivisionError

    job = Jobs(send).start(Path("a.csv"), "ada")
    assert job
    with pytest.raises(ZeroDivisionError):
        list(job.steps())
    assert "upload_failed" in capsys.readouterr().out
