"""A limit against a bad deploy: ends a service that rejects most of what it reads, before it has drained its topic.

Knows no Kafka and no database. A file with a few hundred bad rows is no bad deploy: it ends before 1,000 rejects in a
row, and is a small part of the latest 10,000 messages.
"""

import contextlib
from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NoReturn, Protocol

from services.common.errors import Stop

WINDOW_MESSAGES = 10_000
"""The share is taken of the latest batches that have together at least so many messages, and not before."""
PROBATION_SHARE = 0.5


class Rejected(Protocol):
    """What must be known of a reject."""

    @property
    def reason(self) -> str: ...  # noqa: D102  # as in services.common.errors.Reject
    @property
    def field(self) -> str: ...  # noqa: D102


class RejectLimit:
    """Counts the messages of a service, and stops it at a batch with too many rejects, which must not be written.

    check() before a batch is written, count() after it. A stop leaves a mark: the next start is on probation. It stops
    again at its first batch if most of that is rejected, so that an orchestrator which starts the service over and over
    does not drain the topic bit by bit. The first batch that passes ends the probation.
    """

    def __init__(self, share: float, in_a_row: int, mark: Path) -> None:
        """Begin to count.

        Args:
            share: most that may be rejected of the latest 10,000 messages, 0 to 1; 0 = no such limit.
            in_a_row: so many rejects in a row stop the service; 0 = no such limit.
            mark: a file that outlives the process.
        """
        self._most_share = share
        self._most_in_a_row = in_a_row
        self._mark = mark
        self._window = _Window()
        self.in_a_row = 0
        self.on_probation = bool(share or in_a_row) and mark.exists()

    @property
    def share(self) -> float:
        """Share of rejects among the latest messages, 0 to 1."""
        return self._window.rejects / max(1, self._window.messages)

    def check(self, messages: int, rejects: Mapping[int, Rejected]) -> None:
        """Look at a batch before it is written.

        Args:
            messages: how many the batch has.
            rejects: place among them (from 0 on) -> why it was rejected.

        Raises:
            Stop: the batch breaks the limit and must not be written.
        """
        if not rejects:
            return
        longest, _ = longest_run(rejects, messages, self.in_a_row)
        _, seen, rejected = self._window.with_batch(messages, len(rejects))
        if self.on_probation and len(rejects) > PROBATION_SHARE * messages:
            self._stop(f"{len(rejects):,} of the first {messages:,} messages after such a stop were rejected", rejects)
        if 0 < self._most_in_a_row <= longest:
            self._stop(f"{longest:,} messages in a row were rejected", rejects)
        if seen >= WINDOW_MESSAGES and 0 < self._most_share * seen < rejected:
            self._stop(f"{rejected:,} of the latest {seen:,} messages were rejected", rejects)

    def count(self, messages: int, rejects: Collection[int]) -> None:
        """Note that a batch is written: how many messages it had, and the places of its rejects."""
        if not messages:
            return
        _, self.in_a_row = longest_run(rejects, messages, self.in_a_row)
        self._window.add(messages, len(rejects))
        if self.on_probation:
            self.on_probation = False
            with contextlib.suppress(OSError):
                self._mark.unlink()

    def _stop(self, what: str, rejects: Mapping[int, Rejected]) -> NoReturn:
        with contextlib.suppress(OSError):  # without a mark it stops all the same, only the next start counts anew
            self._mark.touch()
        [((reason, field), times)] = Counter((r.reason, r.field) for r in rejects.values()).most_common(1)
        about = f"{reason} of {field}" if field else reason
        commonest = f"the commonest reason, {times:,} times in this batch: {about}"
        raise Stop(f"reject limit: {what}; {commonest}; the batch was not written; see docs/operations.md")


class _Window:
    """The latest batches that have together at least WINDOW_MESSAGES."""

    def __init__(self) -> None:
        self._batches: deque[tuple[int, int]] = deque()
        self.messages = self.rejects = 0

    def with_batch(self, messages: int, rejects: int) -> tuple[int, int, int]:
        """Return how many old batches would leave for a new one, and the window's messages and rejects then."""
        seen, rejected = self.messages + messages, self.rejects + rejects
        for leaving, (old_messages, old_rejects) in enumerate(self._batches):
            if seen - old_messages < WINDOW_MESSAGES:
                return leaving, seen, rejected
            seen, rejected = seen - old_messages, rejected - old_rejects
        return len(self._batches), seen, rejected

    def add(self, messages: int, rejects: int) -> None:
        leaving, self.messages, self.rejects = self.with_batch(messages, rejects)
        for _ in range(leaving):
            self._batches.popleft()
        self._batches.append((messages, rejects))


def longest_run(places: Iterable[int], messages: int, before: int) -> tuple[int, int]:
    """Return the longest run of neighbouring places in a batch, and how long the run at its end is (0 if none).

    A run that begins at place 0 goes on with the `before` rejects at the end of the batch before.
    """
    longest, run, previous = 0, before, -1
    for place in sorted(places):
        run = run + 1 if place == previous + 1 else 1
        longest, previous = max(longest, run), place
    return longest, run if previous == messages - 1 else 0
