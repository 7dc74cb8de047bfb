"""How an upload is reported step by step, with a stand-in for Kafka."""

import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

import ui.files.journal
from services.common.errors import Retry, Stop
from services.common.process import StopSignal
from services.common.settings import KafkaSettings, project_root
from services.sender.report import FileFault, FileRefused
from tests.support.other_contracts import SHIPPED
from ui.check import record, upload
from ui.check.downloads import ExampleFiles
from ui.check.steps import Cancelled, Queued, Refused, Sending, Sent, Step
from ui.check.upload import UploadQueue, UploadRequest, Uploads
from ui.files.journal import UploadState

Send = Callable[..., Iterator[Step]]
TEMPLATE = ExampleFiles(SHIPPED, project_root() / "onnx/manifest.json").template()

kafka_failures = pytest.mark.parametrize(
    ("error", "state"),
    [(Retry("silent"), UploadState.KAFKA_UNAVAILABLE), (Stop("no topic"), UploadState.KAFKA_REJECTS)],
)


class Journal:
    """Stands in for the journal: keeps what is entered; `is_unavailable` is an outage of the database."""

    def __init__(self) -> None:
        self.is_unavailable = False
        self.error: Exception | None = None
        self.states: list[UploadState] = []
        self.figures: dict[str, Any] = {}
        self.ids: list[str] = []

    def begin(self, _: Any, _id: UUID, file_name: str, size: int, analyst: str) -> None:
        self.figures |= {"file_name": file_name, "size": size, "analyst": analyst}

    def update(self, _: Any, _id: UUID, state: UploadState, **figures: Any) -> None:
        self.states.append(state)
        self.figures |= {name: value for name, value in figures.items() if value is not None}

    def add_rows(self, _: Any, _id: UUID, _chunk: int, ids: Sequence[str]) -> None:
        self.ids += ids

    def ask(self, question: Callable[[Any], Any]) -> Any:
        if self.error:
            raise self.error
        return None if self.is_unavailable else question(None)


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> Journal:
    """The journal of the test."""
    journal = Journal()
    for name in ("begin", "update", "add_rows"):
        monkeypatch.setattr(ui.files.journal, name, getattr(journal, name))
    return journal


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with one good row."""
    path = tmp_path / "transactions.csv"
    path.write_text(TEMPLATE)
    return path


@pytest.fixture
def send(monkeypatch: pytest.MonkeyPatch, journal: Journal) -> Callable[..., Send]:
    """Send with a stand-in for publish()."""
    monkeypatch.setattr(upload, "REPORT_EVERY_SECONDS", 0.01)

    def with_publish(
        publish: Any, *, check_kafka: Callable[[], None] = lambda: None, stop: StopSignal | None = None
    ) -> Send:
        monkeypatch.setattr(upload, "publish", publish)
        mart: Any = journal
        uploads = Uploads(mart, KafkaSettings(), "transactions", check_kafka, stop or StopSignal(), SHIPPED)
        return lambda file: uploads.send(file if isinstance(file, UploadRequest) else UploadRequest(file, "ada"))

    return with_publish


def publish_all(messages: Any, *_: Any, on_progress: Callable[[int], None], **__: Any) -> int:
    """Take every message, as Kafka would."""
    taken = len(list(messages))
    on_progress(taken)
    return taken


def last_of(steps: Iterator[Step]) -> Step:
    *_, last = steps
    return last


def test_an_upload_is_sent_and_entered(file: Path, send: Callable[..., Send], journal: Journal) -> None:
    """With its figures and the ids that are in the messages."""
    messages: list[Any] = []

    def publish(transactions: Any, *_: Any, on_progress: Callable[[int], None], **__: Any) -> int:
        messages.extend(transactions)
        on_progress(1)
        return 1

    last = last_of(send(publish)(file))
    assert isinstance(last, Sent)
    assert (last.sent, last.report.rows, last.state) == (1, 1, UploadState.SENT)
    assert last.upload_id is not None
    assert journal.states == [UploadState.SENDING, UploadState.SENT]
    assert journal.figures | {"size": 0} == {
        "file_name": "transactions.csv", "size": 0, "analyst": "ada", "rows": 1, "refused": 0, "sent": 1,
    }  # fmt: skip
    assert [key.encode() in message[1] for key, message in zip(journal.ids, messages, strict=True)] == [True]


def test_ids_that_cannot_be_compared_send_nothing(tmp_path: Path, send: Callable[..., Send], journal: Journal) -> None:
    """The database is unavailable."""
    path = tmp_path / "own-ids.csv"
    header, row = TEMPLATE.splitlines()
    path.write_text(f"transaction_id,{header}\nown-1,{row}\n")
    journal.is_unavailable = True

    def publish(*_: Any, **__: Any) -> int:
        pytest.fail("it was sent")

    last = last_of(send(publish)(path))
    assert isinstance(last, Refused)
    assert last.code is FileFault.IDS_UNCHECKED


def test_ids_are_not_compared_where_the_database_refuses(journal: Journal) -> None:
    """A missing permission is reported as the file's refusal, not as a defect of the page."""
    mart: Any = journal
    journal.error = psycopg.errors.InsufficientPrivilege("permission denied for table transactions")
    with pytest.raises(FileRefused, match="42501") as refused:
        Uploads(mart, KafkaSettings(), "transactions", lambda: None, StopSignal(), SHIPPED)._stored(["own-1"])
    assert refused.value.code is FileFault.IDS_UNCHECKED


def test_ids_are_stored_in_portions(
    tmp_path: Path, send: Callable[..., Send], journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is lost between two, and those of rows that were not taken are not stored."""
    monkeypatch.setattr(record, "CHUNK", 2)
    path = tmp_path / "many.csv"
    header, row = TEMPLATE.splitlines()
    path.write_text("\n".join([header, *[row] * 7]))

    def publish(transactions: Any, *_: Any, on_progress: Callable[[int], None], **__: Any) -> int:
        on_progress(len(list(islice(transactions, 5))))
        return 5

    last = last_of(send(publish)(path))
    assert isinstance(last, Sent)
    assert (last.sent, last.state) == (5, UploadState.INTERRUPTED)
    assert len(set(journal.ids)) == len(journal.ids) == 5
    assert journal.states[-1] is UploadState.INTERRUPTED


def test_without_the_database_the_file_is_sent_all_the_same(
    file: Path, send: Callable[..., Send], journal: Journal
) -> None:
    """Only that nobody can follow it."""
    journal.is_unavailable = True
    last = last_of(send(publish_all)(file))
    assert isinstance(last, Sent)
    assert (last.sent, last.state, last.upload_id) == (1, UploadState.SENT, None)


def test_a_journal_that_refuses_does_not_stop_the_file(
    file: Path, send: Callable[..., Send], journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing right is no outage: the cause is in the log."""
    journal.error = psycopg.errors.InsufficientPrivilege("permission denied for table uploads")
    last = last_of(send(publish_all)(file))
    assert isinstance(last, Sent)
    assert (last.sent, last.state, last.upload_id) == (1, UploadState.SENT, None)
    assert "permission denied for table uploads" in capsys.readouterr().out


def test_a_cancelled_upload_says_what_was_sent(file: Path, send: Callable[..., Send], journal: Journal) -> None:
    """What Kafka has stays there."""
    request = UploadRequest(file, "ada")

    def publish(*_: Any, stop: Callable[[], bool], **__: Any) -> int:
        request.cancel()
        while not stop():
            pass
        return 0

    last = last_of(send(publish)(request))
    assert isinstance(last, Sent)
    assert last.state is UploadState.CANCELLED
    assert journal.states[-1] is UploadState.CANCELLED


def test_a_reading_can_be_cancelled(file: Path, send: Callable[..., Send], journal: Journal) -> None:
    """Before anything is sent."""
    request = UploadRequest(file, "ada")
    request.cancel()
    assert isinstance(last_of(send(pytest.fail)(request)), Cancelled)
    assert journal.states == [UploadState.CANCELLED]


def test_only_so_many_send_at_once() -> None:
    """The others wait in the order they came, and move up as one ends or leaves."""
    turns = UploadQueue(at_once=2)
    places = [turns.join() for _ in range(5)]
    assert [turns.ahead(place) for place in places] == [0, 0, 1, 2, 3]
    turns.leave(places[3])
    turns.leave(places[0])
    assert [turns.ahead(place) for place in (places[1], places[2], places[4])] == [0, 0, 1]


def test_the_queue_is_reported(file: Path, send: Callable[..., Send]) -> None:
    """And may cancel meanwhile."""
    go, sending = threading.Event(), threading.Semaphore(0)

    def publish(messages: Any, *_: Any, on_progress: Callable[[int], None], **__: Any) -> int:
        sending.release()
        assert go.wait(10)
        return publish_all(messages, on_progress=on_progress)

    upload_of = send(publish)
    busy = [threading.Thread(target=last_of, args=(upload_of(file),)) for _ in range(upload.UPLOADS_AT_ONCE)]
    for thread in busy:
        thread.start()
    for _ in busy:
        assert sending.acquire(timeout=10)
    request = UploadRequest(file, "ada")
    steps = upload_of(request)
    assert next(steps) == Queued(1)
    request.cancel()
    assert isinstance(last_of(steps), Cancelled)
    go.set()
    for thread in busy:
        thread.join(10)


def test_progress_is_reported_while_sending(file: Path, send: Callable[..., Send]) -> None:
    """What Kafka has acknowledged so far."""
    reported = threading.Event()

    def publish(*_: Any, on_progress: Callable[[int], None], **__: Any) -> int:
        on_progress(1)
        assert reported.wait(5)
        return 1

    for step in send(publish)(file):
        if isinstance(step, Sending) and step.sent == 1:
            reported.set()
    assert reported.is_set()


@pytest.mark.parametrize(
    ("error", "state"), [(Retry("gone"), UploadState.KAFKA_UNAVAILABLE), (Stop("no topic"), UploadState.KAFKA_REJECTS)]
)
def test_kafka_becoming_unavailable_ends_with_what_was_sent(
    file: Path, send: Callable[..., Send], error: Exception, state: UploadState
) -> None:
    """An outage is a step like any other; nothing is followed then."""

    def publish(*_: Any, **__: Any) -> int:
        raise error

    last = last_of(send(publish)(file))
    assert isinstance(last, Sent)
    assert (last.sent, last.state) == (0, state)


def test_an_unforeseen_error_is_not_hidden(file: Path, send: Callable[..., Send]) -> None:
    """It is no outage of Kafka, so it is not reported as one."""

    def publish(*_: Any, **__: Any) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(send(publish)(file))


@pytest.mark.parametrize(
    ("error", "state"), [(Retry("silent"), UploadState.KAFKA_UNAVAILABLE), (Stop("no"), UploadState.KAFKA_REJECTS)]
)
def test_nothing_is_tried_without_kafka(
    file: Path, send: Callable[..., Send], error: Exception, state: UploadState
) -> None:
    """The user learns it at once, not at a timeout; a wrong password is distinguished from an outage."""

    def check() -> None:
        raise error

    last = last_of(send(pytest.fail, check_kafka=check)(file))
    assert isinstance(last, Sent)
    assert last.state is state


def test_a_useless_file_is_refused(tmp_path: Path, send: Callable[..., Send]) -> None:
    """Before anything is sent."""
    path = tmp_path / "empty.csv"
    path.touch()
    last = last_of(send(pytest.fail)(path))
    assert isinstance(last, Refused)
    assert last.code is FileFault.EMPTY


@pytest.mark.parametrize("how", ["the page stops", "the reader leaves"])
def test_sending_can_be_ended_early(file: Path, send: Callable[..., Send], how: str) -> None:
    """A page that stops, or a browser that leaves, does not go on sending."""
    ended, stop = threading.Event(), StopSignal()

    def publish(*_: Any, stop: Callable[[], bool], **__: Any) -> int:
        while not stop():
            pass
        ended.set()
        return 0

    steps = send(publish, stop=stop)(file)
    assert any(isinstance(step, Sending) for step in steps)
    if how == "the page stops":
        stop.request()
    else:
        steps.close()  # type: ignore[attr-defined]
    assert ended.wait(5)
