"""How fast a process wrote, told from the times at which the broker took its messages. Pure.

Nothing has to be asked of the process, so all are measured alike, whatever they are made of.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a run that counts: after a warm-up, so many seconds."""

    warm_up_seconds: float
    seconds: float

    @property
    def whole_seconds(self) -> float:
        """Seconds from the first message until no more is needed."""
        return self.warm_up_seconds + self.seconds


def rate(stamps_ms: Sequence[int], window: Window) -> float:
    """Return messages a second within the window of a run.

    A process that writes a batch at a time is measured from the end of a batch to the end of a batch: its last message
    before the warm-up ends, and its last message of the window. The same holds for one that writes steadily.

    Args:
        stamps_ms: when each message arrived, in milliseconds.
        window: begins with the first message.

    Raises:
        ValueError: nothing was written after the warm-up.
    """
    ordered = sorted(stamps_ms)
    if not ordered:
        raise ValueError("nothing was written")
    begin = ordered[0] + 1000 * window.warm_up_seconds
    first = max(place for place, stamp in enumerate(ordered) if stamp <= begin)
    last = max(place for place, stamp in enumerate(ordered) if stamp <= begin + 1000 * window.seconds)
    if ordered[last] == ordered[first]:
        raise ValueError(f"nothing was written later than {window.warm_up_seconds} s after the first message")
    return 1000 * (last - first) / (ordered[last] - ordered[first])
