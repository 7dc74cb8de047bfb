"""Keeps and sums up what cases counted. Knows nothing of how they came by it."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

Result = Mapping[str, Any]
"""What a case writes down: tests.faults.pipeline."""

RESULTS = "FAULTS_RESULTS"
"""Name of the variable with a file that takes a line of JSON a case."""

COUNTS = ("records", "scores", "dead_letters", "aborted", "lost", "doubled")


def keep(result: Result) -> None:
    """Print a case's result, and add it to the file, if one is asked for."""
    line = json.dumps(result)
    print(line)
    if path := os.environ.get(RESULTS):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def summed_up(results: Iterable[Result]) -> dict[str, Any]:
    """Return the counts of all cases together; the controls, which are to lose and to double, stand apart."""
    results = list(results)
    sound = [result for result in results if not result["control"]]
    controls = [result for result in results if result["control"]]
    seconds: dict[str, list[float]] = {}
    for result in sound:
        for what, took in result["recovery_seconds"].items():
            seconds.setdefault(what, []).extend(took)
    return {
        "cases": len(sound),
        **_counts(sound),
        "kills": {
            service: sum(result["exits"][service].get("-9", 0) for result in sound) for service in ("scorer", "sink")
        },
        "faults": dict(sum((Counter(result["faults"]) for result in sound), Counter()).most_common()),
        "recovery_seconds": {
            what: {"times": len(took), "median": round(median(took), 2), "longest": max(took)}
            for what, took in sorted(seconds.items())
        },
        "controls": {"cases": len(controls), **_counts(controls)},
    }


def _counts(results: Iterable[Result]) -> dict[str, int]:
    results = list(results)
    return {name: sum(result[name] for result in results) for name in COUNTS}
