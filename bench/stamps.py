"""The rate at which a process wrote, computed from the broker's timestamps of its messages.

The process is not asked for anything, so all are measured alike, whatever they are written in.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a run that is measured: some seconds after a warm-up."""

    warm_up_seconds: float
    seconds: float

    @property
    def total_seconds(self) -> float:
        """Seconds from the first message to the end of the window."""
        return self.warm_up_seconds + self.seconds


def rate(stamps_ms: Sequence[int], window: Window) -> float:
    """Return messages per second within the window of a run.

    A process that writes in batches is measured from the end of one batch to the end of another: from its last message
    of the warm-up to its last message of the window. The same is right for one that writes steadily.

    Args:
        stamps_ms: arrival time of each message in milliseconds.
        window: starts with the first message; its warm-up takes at most half of the run.

    Raises:
        ValueError: there are no messages, or all have one timestamp.
    """
    ordered = sorted(stamps_ms)
    if not ordered:
        raise ValueError("nothing was written")
    begin = ordered[0] + min(1000 * window.warm_up_seconds, (ordered[-1] - ordered[0]) / 2)
    first = max(place for place, stamp in enumerate(ordered) if stamp <= begin)
    last = max(place for place, stamp in enumerate(ordered) if stamp <= begin + 1000 * window.seconds)
    if ordered[last] == ordered[first]:
        raise ValueError("nothing was written after the first timestamp")
    return 1000 * (last - first) / (ordered[last] - ordered[first])
