"""Raises an alarm when a service rejects too much of what it reads: a bad deploy, of a producer or of the service.

It stops nothing: a service that stopped because of one producer would be unavailable to all the others. Rejects are not
lost: their bytes are in the dead letters or in `sink_rejects`.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import chain
from typing import Protocol

from services.common.logs import get_logger

WINDOW_MESSAGES = 10_000
"""The share is computed over the latest batches that together have at least this many messages, and not before."""
ALARM_SECONDS = 300.0
"""How long the alarm lasts after the last batch over the limit: a scrape of the metrics must not miss it."""
LOG_SECONDS = 60.0

log = get_logger()


class Rejected(Protocol):
    """A reject, as far as it is counted."""

    @property
    def reason(self) -> str: ...  # noqa: D102  # as in services.common.errors.Reject
    @property
    def field(self) -> str: ...  # noqa: D102


class RejectCount:
    """Counts messages and the rejects among them, and says when these are over a limit.

    Attributes:
        in_a_row: rejects since the last message that was not rejected.
    """

    def __init__(self, share: float, in_a_row: int) -> None:
        """Set the limits; 0 means none.

        Args:
            share: exceeded when more than this share of the latest 10,000 messages is rejected, 0 to 1.
            in_a_row: exceeded when this many messages in a row are rejected.
        """
        self._most_share = share
        self._most_in_a_row = in_a_row
        self._window = _Window()
        self.in_a_row = 0

    @property
    def share(self) -> float:
        """Share of rejects among the latest messages, 0 to 1."""
        return self._window.rejects / max(1, self._window.messages)

    def over_with(self, messages: int, rows: Collection[int]) -> str | None:
        """Say what is over the limit once a batch is counted; None if nothing is, or if it has no rejects.

        Args:
            messages: how many the batch has.
            rows: indices of its rejects among them.
        """
        if not rows:
            return None
        longest, _ = longest_run(rows, messages, self.in_a_row)
        if 0 < self._most_in_a_row <= longest:
            return f"{longest:,} messages in a row were rejected"
        latest, rejects = self._window.totals_with(messages, len(rows))
        if latest >= WINDOW_MESSAGES and 0 < self._most_share < rejects / latest:
            return f"{rejects:,} of the latest {latest:,} messages were rejected"
        return None

    def add(self, messages: int, rows: Collection[int]) -> None:
        """Count a batch, as for over_with()."""
        if messages:
            _, self.in_a_row = longest_run(rows, messages, self.in_a_row)
            self._window.add(messages, len(rows))


class RejectLimit(RejectCount):
    """A reject count that raises an alarm."""

    def __init__(self, share: float, in_a_row: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Set the limits; `clock` returns seconds."""
        super().__init__(share, in_a_row)
        self._clock = clock
        self._alarm_ends = self._log_again = -1.0

    @property
    def exceeded(self) -> bool:
        """Whether a batch of the last 5 minutes was over the limit."""
        return self._clock() < self._alarm_ends

    def count(self, messages: int, rejects: Mapping[int, Rejected], position_of: Callable[[int], str] = str) -> None:
        """Count a batch that is written; raise the alarm if it is over the limit, and log it once a minute.

        Args:
            messages: how many the batch has.
            rejects: index among them -> why it was rejected.
            position_of: returns, for the log, where the message at an index comes from.
        """
        found = self.over_with(messages, rejects)
        self.add(messages, rejects)
        if found:
            self._raise_alarm(found, rejects, position_of)

    def _raise_alarm(self, found: str, rejects: Mapping[int, Rejected], position_of: Callable[[int], str]) -> None:
        now = self._clock()
        self._alarm_ends = now + ALARM_SECONDS
        if now < self._log_again:
            return
        self._log_again = now + LOG_SECONDS
        [((reason, field), times)] = Counter((r.reason, r.field) for r in rejects.values()).most_common(1)
        example = next(row for row, reject in rejects.items() if (reject.reason, reject.field) == (reason, field))
        log.error(
            "reject_limit_exceeded", found=found, reason=str(reason), field=field, times_in_batch=times,
            example=position_of(example), fix="docs/operations.md, 'The reject limit'",
        )  # fmt: skip


class _Window:
    """The latest batches that have together at least WINDOW_MESSAGES."""

    def __init__(self) -> None:
        self._batches: deque[tuple[int, int]] = deque()
        self.messages = self.rejects = 0

    def totals_with(self, messages: int, rejects: int) -> tuple[int, int]:
        """Return messages and rejects of the window once a batch is added."""
        now_messages, now_rejects = self.messages + messages, self.rejects + rejects
        for old_messages, old_rejects in chain(self._batches, [(messages, rejects)]):
            if now_messages - old_messages < WINDOW_MESSAGES:
                break
            now_messages, now_rejects = now_messages - old_messages, now_rejects - old_rejects
        return now_messages, now_rejects

    def add(self, messages: int, rejects: int) -> None:
        self._batches.append((messages, rejects))
        self.messages, self.rejects = self.messages + messages, self.rejects + rejects
        while self.messages - self._batches[0][0] >= WINDOW_MESSAGES:
            old_messages, old_rejects = self._batches.popleft()
            self.messages, self.rejects = self.messages - old_messages, self.rejects - old_rejects


def longest_run(rows: Iterable[int], messages: int, before: int) -> tuple[int, int]:
    """Return the longest run of neighbouring indices in a batch, and how long the run at its end is (0 if none).

    A run that begins at index 0 continues the `before` rejects at the end of the batch before.
    """
    longest, run, previous = 0, before, -1
    for row in sorted(rows):
        run = run + 1 if row == previous + 1 else 1
        longest, previous = max(longest, run), row
    return longest, run if previous == messages - 1 else 0
