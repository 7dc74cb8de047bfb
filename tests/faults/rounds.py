"""`python -m tests.faults.rounds`: the short fault suite and the compose test again and again; keeps the counts.

Each round is `make faults`, and, where a Docker engine is, the compose test that kills every container. A
round that fails is not tried again; its output is printed. The counts go to rounds.json.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from tests.faults.__main__ import describe_machine
from tests.faults.tally import RESULTS, summed_up

ROOT = Path(__file__).resolve().parents[2]
KEPT = Path(__file__).with_name("rounds.json")
COMPOSE = [sys.executable, "-m", "pytest", "-s", "tests/readme/test_compose.py", "-k", "killed"]
SUITES = {"faults": ["make", "faults"], "compose": COMPOSE}


def main() -> int:
    """Run the rounds; return 1 if one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.rounds", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="of each suite (default: %(default)s)")
    parser.add_argument("--suite", choices=SUITES, action="append", help="only this one")
    options = parser.parse_args()
    failed = 0
    for suite in options.suite or SUITES:
        if suite == "compose" and not shutil.which("docker"):
            print("no Docker engine on this machine: the compose test is left out")
            continue
        counts = run_rounds(suite, options.rounds)
        print(json.dumps(counts, indent=2))
        failed += counts["failed"]
    return int(bool(failed))


def run_rounds(suite: str, rounds: int) -> dict[str, Any]:
    """Run a suite so many times; return its counts, also written to rounds.json after each round."""
    seconds: list[float] = []
    failures: list[list[str]] = []
    counts: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.jsonl"
        results.touch()
        for number in range(1, rounds + 1):
            began = time.monotonic()
            done = subprocess.run(
                SUITES[suite],
                cwd=ROOT,
                env=os.environ | {RESULTS: str(results), "PYTEST_ADDOPTS": "--show-capture=no"},
                capture_output=True,
                text=True,
                check=False,
            )
            seconds.append(round(time.monotonic() - began))
            if done.returncode:
                failures.append(re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE))
                print(done.stdout[-20_000:], done.stderr[-5_000:])
            print(f"{suite} {number}/{rounds}: exit code {done.returncode} after {seconds[-1]} s", flush=True)
            cases = [json.loads(line) for line in results.read_text().splitlines()]
            counts = {
                "machine": describe_machine(),
                "rounds": number,
                "failed": len(failures),
                "failures": failures,
                "median_seconds": median(seconds),
                **(summed_up(cases) if cases else {}),
            }
            kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
            KEPT.write_text(json.dumps(kept | {suite: counts}, indent=2) + "\n")
    return counts


if __name__ == "__main__":
    sys.exit(main())
