"""How much memory processes take, over time, and whether that is flat. Knows no process by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

WINDOWS = 12
"""Parts that the judged time is cut into; each is told by its median, so that one garbage collection is no growth."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Resident memory of each process by name, in bytes, so many seconds after the start."""

    seconds: float
    rss: dict[str, int]


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process and of all its children, from proc_pid_status(5) and proc(5)."""
    own = sum(
        int(line.split()[1]) * 1024
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
        if line.startswith("VmRSS:")
    )
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    return own + sum(resident_bytes(int(child)) for child in children)


def spread(samples: Sequence[Sample], name: str, last_seconds: float) -> float:
    """Return how far a process's memory moved over the last seconds: (largest - smallest) / mean of window medians."""
    end = samples[-1].seconds
    judged = [sample for sample in samples if sample.seconds >= end - last_seconds]
    size = max(1, len(judged) // WINDOWS)
    windows = [median(sample.rss[name] for sample in judged[at : at + size]) for at in range(0, len(judged), size)]
    return (max(windows) - min(windows)) / (sum(windows) / len(windows))
