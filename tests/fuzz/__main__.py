"""`python -m tests.fuzz`: over a million bad inputs; prints a table and keeps the figures in results.json.

Each target is run in a process of its own, on made inputs and, where atheris is installed, on inputs that it changes
until they reach code which was not reached before.
"""

import argparse
import datetime
import importlib.util
import json
import os
import platform
import random
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.fuzz.targets import TARGETS

RESULTS = Path(__file__).parent / "results.json"


@dataclass(frozen=True)
class Run:
    """One target, one way to come by inputs."""

    target: str
    inputs: int
    seed: int
    guided: bool

    @property
    def name(self) -> str:
        return f"{self.target}, guided" if self.guided else self.target

    def figures(self) -> dict[str, Any]:
        """Run it and return its figures; what it prints of failures goes to standard error."""
        options = ["--inputs", str(self.inputs), "--seed", str(self.seed), *(["--guided"] if self.guided else [])]
        command = [sys.executable, "-m", "tests.fuzz.run", self.target, *options]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        lines = done.stdout.splitlines()
        if done.returncode or not lines:
            return {"failed": done.returncode}
        figures: dict[str, Any] = json.loads(lines[-1])
        return figures


def main() -> int:
    """Fuzz everything; return 1 if a claim was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--times", type=float, default=1.0, help="so many times the usual number of inputs")
    parser.add_argument(
        "--seed", type=int, default=random.SystemRandom().randrange(1 << 31), help="to have a run again"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes at a time (default: %(default)s)")
    parser.add_argument("targets", nargs="*", help=f"some of {', '.join(TARGETS)}")
    options = parser.parse_args()
    runs = plan(options.targets or list(TARGETS), options.times, options.seed)
    print(f"seed {options.seed}")
    with ThreadPoolExecutor(options.jobs) as pool:
        found = dict(zip((run.name for run in runs), pool.map(Run.figures, runs), strict=True))
    show(found)
    failed = [name for name, figures in found.items() if "failed" in figures]
    if failed:
        print(f"broken: {', '.join(failed)}", file=sys.stderr)
    elif not options.targets:
        RESULTS.write_text(json.dumps(summary(found, options.seed), indent=2) + "\n")
    return int(bool(failed))


def plan(targets: list[str], times: float, seed: int) -> list[Run]:
    """Return the runs, made inputs first."""
    made = [Run(name, int(times * TARGETS[name].inputs), seed, guided=False) for name in targets]
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed (there are wheels for Linux on x86-64): made inputs alone")
        return made
    guided = [name for name in targets if TARGETS[name].guided]
    return made + [Run(name, int(times * TARGETS[name].guided), seed, guided=True) for name in guided]


def summary(found: dict[str, dict[str, Any]], seed: int) -> dict[str, Any]:
    """Return what is kept of a run."""
    fates: Counter[str] = sum((Counter(figures["fates"]) for figures in found.values()), start=Counter())
    return {
        "machine": describe_machine(),
        "seed": seed,
        "inputs": sum(figures["inputs"] for figures in found.values()),
        "cpu_seconds": round(sum(figures["cpu_seconds"] for figures in found.values()), 1),
        "fates": dict(fates.most_common()),
        "runs": found,
    }


def describe_machine() -> dict[str, str]:
    """Return what the run was made on."""
    libraries = ("msgspec", "numpy", "orjson", "atheris")
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cores": f"{os.cpu_count()} cores {platform.machine()}",
        "python": f"Python {platform.python_version()}",
        "libraries": ", ".join(f"{name} {version(name)}" for name in libraries if importlib.util.find_spec(name)),
    }


def show(found: dict[str, dict[str, Any]]) -> None:
    """Print the runs as a table, and the fates under it."""
    print(f"{'':<18}{'inputs':>10}{'fates':>12}{'seconds':>10}{'CPU s':>8}{'slowest ms':>12}{'peak MB':>9}")
    for name, figures in found.items():
        if "failed" in figures:
            print(f"{name:<18}{'failed':>10}")
            continue
        counts = f"{figures['inputs']:>10,}{sum(figures['fates'].values()):>12,}"
        times = f"{figures['seconds']:>10}{figures['cpu_seconds']:>8}{figures['slowest_ms']:>12}{figures['peak_mb']:>9}"
        print(f"{name:<18}{counts}{times}")
    sound = [figures for figures in found.values() if "failed" not in figures]
    print(f"{'all':<18}{sum(figures['inputs'] for figures in sound):>10,}\n")
    for name, figures in found.items():
        fates = ", ".join(f"{fate} {times:,}" for fate, times in figures.get("fates", {}).items())
        print(f"{name}: {fates}")


if __name__ == "__main__":
    sys.exit(main())
