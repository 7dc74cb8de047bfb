"""`python -m tests.faults`: the fault suite for an hour, harder than usual, seed after seed; keeps the counts.

Each round runs all cases (or those of --cases) with a seed of its own, and a seed may be given to have a round again.
The counts of all rounds go to standard output and to results.json.
"""

import argparse
import datetime
import json
import os
import platform
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.faults.fixtures import ENDS, LONG, SEED
from tests.faults.slack import slack
from tests.faults.tally import RESULTS, summed_up

FOLDER = Path(__file__).parent
KEPT = FOLDER / "results.json"
CASE_SECONDS = 1_800
"""A case that takes longer has failed."""


def main() -> int:
    """Run rounds until time is up; return 1 if a case failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3_600, help="no case begins later (default: %(default)s)")
    parser.add_argument("--cases", default="", help="only cases that fit, as in pytest -k")
    parser.add_argument("--seed", default="", help="of the first round")
    options = parser.parse_args()
    started = time.monotonic()
    seeds: list[str] = []
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.jsonl"
        results.touch()
        while (left := options.seconds - (time.monotonic() - started)) > 0:
            seeds.append(options.seed if options.seed and not seeds else secrets.token_hex(4))
            failed += run_round(seeds[-1], left, options.cases, results) != 0
        counts = summed_up(map(json.loads, results.read_text().splitlines()))
    figures = {
        "machine": describe_machine(),
        "seconds": round(time.monotonic() - started),
        "seeds": seeds,
        "rounds_with_failures": failed,
        **counts,
    }
    print(json.dumps(figures, indent=2))
    KEPT.write_text(json.dumps(figures, indent=2) + "\n")
    return int(bool(failed))


def run_round(seed: str, seconds: float, cases: str, results: Path) -> int:
    """Run the cases once, at most so long; return pytest's exit code."""
    command = [sys.executable, "-m", "pytest", str(FOLDER / "cases"), "-q", "--timeout", str(CASE_SECONDS)]
    env = os.environ | {SEED: seed, LONG: "1", RESULTS: str(results), ENDS: str(time.time() + seconds)}
    return subprocess.run([*command, "-k", cases], env=env, check=False).returncode


def describe_machine() -> dict[str, str]:
    """Return what the run was made on, and how busy that was allowed to be."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cores": f"{os.cpu_count()} cores {platform.machine()}",
        "python": f"Python {platform.python_version()}",
        "slack": f"{slack():g}",
    }


if __name__ == "__main__":
    sys.exit(main())
