"""Readings that repeat while somebody looks."""

import itertools
import threading
from collections.abc import Callable, Iterator

import pytest

import ui.watch
from tests.support.processes import wait_for
from ui.watch import AWAKE_SECONDS, Watch


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watching(clock: Clock) -> Iterator[Callable[..., Watch[int]]]:
    """Start watches with the clock of the test, whose interval is by default as short as can be."""
    started: list[Watch[int]] = []

    def watch(
        read: Callable[[], int | None], *, every_seconds: float = 0.0, rest_seconds: float | None = None
    ) -> Watch[int]:
        started.append(Watch(read, every_seconds, "test", rest_seconds=rest_seconds, clock=clock))
        started[-1].start()
        return started[-1]

    yield watch
    for one in started:
        one.stop()


def at_rest(watch: Watch[int]) -> bool:
    return watch.last().tried and not watch._current.is_set()


def wait_at_rest(watch: Watch[int]) -> int:
    """Wait until a watch rests and return its last reading."""
    wait_for(lambda: at_rest(watch), 10, lambda: "the watch does not rest")
    value = watch.last().value
    assert value is not None
    return value


def test_nobody_looks_and_one_reading_is_enough(clock: Clock, watching: Callable[..., Watch[int]]) -> None:
    """The one at the start; however late it gets, and whoever asks for the last reading without looking."""
    readings = itertools.count(1)
    watch = watching(lambda: next(readings))
    assert wait_at_rest(watch) == 1
    clock.now = 1e6
    assert (watch.last().value, watch.last().age_seconds) == (1, 1e6)
    assert at_rest(watch)
    assert next(readings) == 2


def test_what_could_not_be_read_is_tried_again_though_nobody_looks(
    watching: Callable[..., Watch[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that starts before its database would otherwise know nothing for as long as a rest."""
    monkeypatch.setattr(ui.watch, "RETRY_SECONDS", 0.01)
    readings = iter([None, None, 7])
    watch = watching(lambda: next(readings), rest_seconds=600)
    wait_for(lambda: watch.last().value == 7, 10, lambda: "it is not tried again")
    assert wait_at_rest(watch) == 7


def test_what_could_not_be_read_is_tried_again_before_a_long_interval_ends(
    watching: Callable[..., Watch[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with drift, which is read every minute."""
    monkeypatch.setattr(ui.watch, "RETRY_SECONDS", 0.01)
    readings = iter([None, None, 7])
    watch = watching(lambda: next(readings), every_seconds=600)
    wait_for(lambda: watch.last().value == 7, 10, lambda: "it is not tried again")


def test_a_look_ends_the_rest_and_is_answered_by_a_new_reading(
    clock: Clock, watching: Callable[..., Watch[int]]
) -> None:
    """What was read before the rest is not passed off as what there is now."""
    readings = itertools.count(1)
    watch = watching(lambda: next(readings))
    before = wait_at_rest(watch)
    clock.now += 3600
    seen = watch.look()
    assert seen.value is not None
    assert seen.value > before
    assert (seen.fresh, seen.tried, seen.age_seconds) == (True, True, 0)


def test_readings_go_on_for_some_seconds_after_a_look(clock: Clock, watching: Callable[..., Watch[int]]) -> None:
    """Without any further look; then the watch rests again."""
    readings = itertools.count(1)
    watch = watching(lambda: next(readings))
    begun = watch.look().value or 0
    clock.now += AWAKE_SECONDS
    wait_for(lambda: (watch.last().value or 0) > begun + 10, 10, lambda: "the readings stopped")
    clock.now += 0.1
    rested = wait_at_rest(watch)
    assert next(readings) == rested + 1


def test_a_rest_has_an_end_where_figures_are_needed(watching: Callable[..., Watch[int]]) -> None:
    """Metrics are read though nobody looks."""
    readings = itertools.count(1)
    watch = watching(lambda: next(readings), rest_seconds=0.001)
    wait_for(lambda: (watch.last().value or 0) > 10, 10, lambda: "the readings stopped")


def test_a_look_does_not_wait_for_a_source_that_hangs(
    clock: Clock, watching: Callable[..., Watch[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told what was known, how old that is, and that nothing has been tried since."""
    monkeypatch.setattr(ui.watch, "LOOK_SECONDS", 0.01)
    hangs = threading.Event()
    readings = iter([1])

    def read() -> int | None:
        return next(readings, None) or (None if hangs.wait(30) else 0)

    watch = watching(read)
    wait_at_rest(watch)
    clock.now += 3600
    seen = watch.look()
    assert (seen.value, seen.age_seconds, seen.fresh, seen.tried) == (1, 3600, False, False)
    hangs.set()
    wait_for(lambda: watch.look().tried, 10, lambda: "the reading did not end")
    assert (watch.look().value, watch.look().fresh) == (1, False)


def test_a_watch_retains_its_last_reading() -> None:
    """An outage, even an error nobody foresaw, leaves what was read before, and says so."""
    answers = iter([1, None, ValueError("x"), 2])

    def read() -> int | None:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    watch = Watch(read, 1.0, "test")
    assert not watch.last().tried
    seen = []
    for _ in range(4):
        watch.read_once()
        seen.append((watch.look().value, watch.look().fresh))
    assert seen == [(1, True), (1, False), (1, False), (2, True)]


def test_an_error_is_logged_when_it_appears(capsys: pytest.CaptureFixture[str]) -> None:
    """Not at each reading, which would fill the log; again when it has become another one, or comes again."""
    causes: list[Exception | None] = [ValueError("a"), ValueError("a"), KeyError("b"), None, KeyError("b")]

    def read() -> int:
        if cause := causes.pop(0):
            raise cause
        return 1

    watch, failed = Watch(read, 1.0, "test"), []
    for _ in range(5):
        watch.read_once()
        failed.append(watch.look().failed)
    assert failed == [True, True, True, False, True]
    assert capsys.readouterr().out.count("watch_failed") == 3
