"""Simulates a scorer as a queue: a batch takes a fixed time and a time per message, and batches follow the load.

The loop of services/scorer reads all that waits, at most one batch, and processes it while new messages arrive. Under
more load batches grow and more messages share the fixed time, until the messages alone fill the time.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Server:
    """A batch of n messages takes `batch_seconds + n * message_seconds`; n is at most `batch_max`."""

    batch_seconds: float
    message_seconds: float
    batch_max: int = 10_000

    @property
    def capacity(self) -> float:
        """Return messages per second with full batches."""
        return self.batch_max / (self.batch_seconds + self.batch_max * self.message_seconds)


def waiting_times(
    server: Server, rate: float, seconds: float, *, outage: float = 0.0, seed: int = 1
) -> NDArray[np.float64]:
    """Return the seconds from each message's arrival to the end of its batch, float64 [n], by arrival.

    Args:
        server: the scorer.
        rate: messages per second, arriving at random (Poisson).
        seconds: how long they arrive.
        outage: seconds at the start without a scorer: one has died, and its partitions are not yet reassigned.
        seed: of the arrivals.
    """
    rng = np.random.default_rng(seed)
    arrivals = np.cumsum(rng.exponential(1 / rate, int(rate * seconds)))
    taken, clock = np.empty(len(arrivals)), outage
    done = 0
    while done < len(arrivals):
        clock = max(clock, float(arrivals[done]))
        end = min(int(np.searchsorted(arrivals, clock, side="right")), done + server.batch_max)
        clock += server.batch_seconds + (end - done) * server.message_seconds
        taken[done:end] = clock - arrivals[done:end]
        done = end
    return taken


def seconds_to_catch_up(server: Server, rate: float, outage: float) -> float:
    """Return the seconds until the queue is as short as before an outage: outage * rate / (capacity - rate)."""
    return outage * rate / (server.capacity - rate)
