"""A scorer as a queue: batches that follow the load, each with a fixed part and a part for each message. Simulated.

The loop of services/scorer reads all that waits, at most a batch, and works on it while new messages arrive. So with
more load batches grow and the fixed part is shared by more messages, up to where the messages alone fill the time.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Server:
    """What a batch of n messages takes: `batch_seconds + n * message_seconds`, n at most `batch_max`."""

    batch_seconds: float
    message_seconds: float
    batch_max: int = 10_000

    @property
    def capacity(self) -> float:
        """Messages a second at full batches."""
        return self.batch_max / (self.batch_seconds + self.batch_max * self.message_seconds)


def waits(server: Server, rate: float, seconds: float, *, away: float = 0.0, seed: int = 1) -> NDArray[np.float64]:
    """Return how long each message takes from its arrival to the end of its batch, in seconds, by arrival.

    Args:
        server: who works.
        rate: messages a second, arriving at random (Poisson).
        seconds: how long they arrive.
        away: for so long from the beginning nobody works: a scorer that died, until its partitions have another.
        seed: of the arrivals.
    """
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(1 / rate, int(rate * seconds)))
    taken, clock = np.empty(len(arrivals)), away
    done = 0
    while done < len(arrivals):
        clock = max(clock, float(arrivals[done]))
        end = min(int(np.searchsorted(arrivals, clock, side="right")), done + server.batch_max)
        clock += server.batch_seconds + (end - done) * server.message_seconds
        taken[done:end] = clock - arrivals[done:end]
        done = end
    return taken


def seconds_to_catch_up(server: Server, rate: float, away: float) -> float:
    """Return after how many seconds of work a queue that nobody served for `away` seconds is as short as before.

    What piled up is worked off by what capacity exceeds the rate: away * rate / (capacity - rate).
    """
    return away * rate / (server.capacity - rate)
