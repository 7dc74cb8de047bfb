"""What the loop does about errors: it opens again, unless it was asked to stop."""

from typing import NoReturn

import pytest

from services.common.errors import Retry, Stop
from services.common.kafka import pipeline
from services.common.process import StopSignal, Watchdog


class Attempts:
    """Openings that fail; the last of `number` is made while the process is asked to stop."""

    def __init__(self, number: int) -> None:
        self.stop = StopSignal()
        self.number, self.opened = number, 0
        self.retries: list[str] = []

    def run(self, most_failures: float = 9) -> None:
        pipeline.run(self.open, self.stop, Watchdog(60), self.retry, lambda _: None, most_failures=most_failures)

    def retry(self, error: Retry, _: int) -> None:
        self.retries.append(str(error))

    def open(self) -> NoReturn:
        self.opened += 1
        if self.opened == self.number:
            self.stop.request()
        raise Retry(f"attempt {self.opened}")


def test_after_an_error_everything_is_opened_again() -> None:
    """And each failure is reported."""
    attempts = Attempts(3)
    attempts.run()
    assert (attempts.opened, attempts.retries) == (3, ["attempt 1", "attempt 2"])


def test_an_error_while_stopping_is_no_reason_to_open_again() -> None:
    """It recreates nothing, and is not counted as if it did."""
    attempts = Attempts(1)
    attempts.run()
    assert (attempts.opened, attempts.retries) == (1, [])


def test_too_many_failures_in_a_row_end_the_process() -> None:
    """With the last error."""
    with pytest.raises(Stop, match="2 failures in a row, the last: attempt 3"):
        Attempts(9).run(most_failures=2)
