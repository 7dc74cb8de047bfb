"""How an upload is told step by step, with a stand-in for Kafka."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from services.common.errors import Retry, Stop
from services.common.lifecycle import StopSignal
from services.common.settings import KafkaSettings
from services.sender.report import FileFault
from ui import upload
from ui.downloads import template
from ui.steps import Obstacle, Refused, Sending, Sent, Step

Send = Callable[..., Iterator[Step]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with one good row."""
    path = tmp_path / "payments.csv"
    path.write_text(template())
    return path


@pytest.fixture
def send(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Any], Send]]:
    """Send with a stand-in for publish()."""
    monkeypatch.setattr(upload, "TELL_EVERY_SECONDS", 0.01)

    def with_publish(publish: Any, *, kafka_is_up: bool = True, stop: StopSignal | None = None) -> Send:
        monkeypatch.setattr(upload, "publish", publish)
        return partial(
            upload.send_file,
            kafka=KafkaSettings(),
            topic="transactions",
            kafka_is_up=lambda: kafka_is_up,
            stop=stop or StopSignal(),
        )

    return with_publish  # type: ignore[return-value]


def test_an_upload_ends_with_its_report_and_ids(file: Path, send: Callable[..., Send]) -> None:
    """The ids are those in the messages."""
    messages: list[Any] = []

    def publish(payments: Any, *_: Any, on_progress: Callable[[int], None], **__: Any) -> int:
        messages.extend(payments)
        on_progress(1)
        return 1

    *_, last = send(publish)(file)
    assert isinstance(last, Sent)
    assert (last.sent, last.report.rows, last.obstacle) == (1, 1, None)
    assert last.transaction_ids[0].encode() in messages[0][1]


def test_progress_is_told_while_sending(file: Path, send: Callable[..., Send]) -> None:
    """What Kafka has acknowledged so far."""
    told = threading.Event()

    def publish(*_: Any, on_progress: Callable[[int], None], **__: Any) -> int:
        on_progress(1)
        assert told.wait(5)
        return 1

    for step in send(publish)(file):
        if isinstance(step, Sending) and step.sent == 1:
            told.set()
    assert told.is_set()


@pytest.mark.parametrize(("error", "obstacle"), [(Retry("gone"), Obstacle.AWAY), (Stop("no topic"), Obstacle.REFUSES)])
def test_kafka_going_away_ends_with_what_was_sent(
    file: Path, send: Callable[..., Send], error: Exception, obstacle: Obstacle
) -> None:
    """An outage is a step like any other; nothing is followed then."""

    def publish(*_: Any, **__: Any) -> int:
        raise error

    *_, last = send(publish)(file)
    assert isinstance(last, Sent)
    assert (last.sent, last.obstacle, list(last.transaction_ids)) == (0, obstacle, [])


def test_an_unforeseen_error_is_not_hidden(file: Path, send: Callable[..., Send]) -> None:
    """It is no outage of Kafka, so it is not told as one."""

    def publish(*_: Any, **__: Any) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(send(publish)(file))


def test_nothing_is_tried_without_kafka(file: Path, send: Callable[..., Send]) -> None:
    """The user learns it at once, not at a timeout."""
    (last,) = send(pytest.fail, kafka_is_up=False)(file)
    assert isinstance(last, Sent)
    assert last.obstacle is Obstacle.AWAY


def test_a_useless_file_is_refused(tmp_path: Path, send: Callable[..., Send]) -> None:
    """Before anything is sent."""
    path = tmp_path / "empty.csv"
    path.touch()
    (last,) = send(pytest.fail)(path)
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
    next(steps)
    if how == "the page stops":
        stop.request()
    else:
        steps.close()  # type: ignore[attr-defined]
    assert ended.wait(5)
