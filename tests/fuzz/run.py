"""Fuzzes one target: `python -m tests.fuzz.run TARGET`. Its figures go to standard output as JSON.

An input that breaks a claim is kept in a file, which `--replay` takes.
"""

import argparse
import hashlib
import json
import logging
import resource
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from tests.fuzz.targets import Target

FOLDER = Path(__file__).resolve().parents[2] / "build" / "fuzz"
LONGEST_BYTES = 8_192
LONGEST_SECONDS = 10
MOST_MEMORY_MB = 8_192
"""What atheris notes of each comparison stays: it takes a gigabyte for 40,000 batches, the product a tenth of it."""


class Tally:
    """Checks inputs of a target, and counts."""

    def __init__(self, target: "Target", name: str) -> None:
        self._target = target
        self._name = name
        self._started = time.monotonic()
        self.inputs = 0
        self.fates: Counter[str] = Counter()
        self.slowest = 0.0

    def check(self, content: bytes) -> None:
        """Check one; keep it in a file if it breaks a claim."""
        started = time.process_time()
        try:
            fates = self._target.claim(content)
        except BaseException:
            path = FOLDER / f"{self._name}-{hashlib.sha256(content).hexdigest()[:16]}"
            path.write_bytes(content)
            print(f"{self._name}: python -m tests.fuzz.run {self._name} --replay {path}", file=sys.stderr)
            raise
        self.slowest = max(self.slowest, time.process_time() - started)
        self.fates += fates
        self.inputs += fates.total() if self._target.batches else 1

    def figures(self) -> dict[str, Any]:
        """Return what was counted."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "inputs": self.inputs,
            "fates": dict(self.fates.most_common()),
            "seconds": round(time.monotonic() - self._started, 1),
            "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
            "slowest_ms": round(1_000 * self.slowest, 1),
            "peak_mb": usage.ru_maxrss // 1_024,
        }


def main() -> None:
    """Run a target as asked."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--inputs", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--guided", action="store_true", help="by atheris, towards code that was not reached yet")
    parser.add_argument("--replay", type=Path, help="check this input alone")
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    warnings.simplefilter("ignore")
    if options.guided:
        fuzz(options.target, options.inputs, options.seed)
        return
    from tests.fuzz.targets import TARGETS  # noqa: PLC0415  # the guided fuzzer imports the product in its own way

    tally = Tally(TARGETS[options.target], options.target)
    if options.replay:
        tally.check(options.replay.read_bytes())
    number = 0
    while not options.replay and tally.inputs < options.inputs:
        tally.check(TARGETS[options.target].make(Random(f"{options.seed} {number}")))
        number += 1
    print(json.dumps(tally.figures()))


def fuzz(name: str, runs: int, seed: int) -> None:
    """Let libFuzzer change inputs so that they reach code not reached yet; it ends the process.

    What reached new code is kept for the next run.
    """
    import atheris  # noqa: PLC0415  # there are no wheels of it for every platform

    with atheris.instrument_imports(include=["services"]):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415

    corpus = FOLDER / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number in range(200):
        (corpus / f"made-{number}").write_bytes(TARGETS[name].make(Random(f"{seed} {number}")))
    tally, executed = Tally(TARGETS[name], name), 0

    def one(content: bytes) -> None:
        nonlocal executed
        executed += 1
        tally.check(content)
        if executed == runs:
            print(json.dumps(tally.figures() | {"kept": len(list(corpus.iterdir()))}), flush=True)

    limits = {"runs": runs, "max_len": LONGEST_BYTES, "timeout": LONGEST_SECONDS, "rss_limit_mb": MOST_MEMORY_MB}
    options = limits | {"seed": seed % (1 << 31) + 1, "verbosity": 0}
    arguments = [f"-{option}={value}" for option, value in options.items()]
    atheris.Setup([name, *arguments, f"-artifact_prefix={FOLDER}/", str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
