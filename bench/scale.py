"""`python -m bench.scale`: computes what more load takes from measured figures, and writes it into docs/scale.md.

The figures are those of the newest complete run of `make bench`, or of the file given. The assumptions are the
constants below; the document states them too.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.queue import Server, seconds_to_catch_up, waiting_times
from bench.table import Results, number
from services.common.errors import Stop
from services.common.settings import project_root

BEGIN, END = "<!-- computed by bench.scale -->\n", "<!-- end -->\n"
DOCUMENT = project_root() / "docs" / "scale.md"
RESULTS = project_root() / "bench" / "results"

RATES = (10_000, 100_000, 1_000_000)
LOADS = (0.3, 0.6, 0.8, 0.9, 0.95)

UTILISATION = 0.6
"""Planned share of the capacity of a process; the rest is for failures and for busy hours."""
BATCH_SECONDS = 0.011
"""Fixed time of a Kafka transaction (measured; docs/scale.md)."""
REPLICAS = 3
CORE_HOUR = 0.04
"""Price of a processor core per hour, in dollars: about that of the large clouds."""
DAY = 86_400
RETENTION_DAYS = 7
"""Retention of the topics."""
SESSION_SECONDS = 15


@dataclass(frozen=True, slots=True)
class Measured:
    """Per message: microseconds of processor time by part, and bytes by place; messages per second of one scorer."""

    micros: dict[str, float]
    bytes: dict[str, float]
    scorer_rate: float

    @classmethod
    def of(cls, results: Results) -> "Measured":
        """Return the figures of a run.

        Raises:
            Stop: the run lacks the section `cost` or `rates`.
        """
        try:
            cost, rates = (results["sections"][name]["figures"] for name in ("cost", "rates"))
        except KeyError as error:
            raise Stop(f"the results have no section {error}: run make bench") from None
        values = {name: figure["value"] for name, figure in cost.items()}
        return cls(
            micros={name.removeprefix("cost_"): value for name, value in values.items() if name.startswith("cost_")},
            bytes={name.removeprefix("bytes_"): value for name, value in values.items() if name.startswith("bytes_")},
            scorer_rate=rates["scorer"]["value"],
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """The resources that a rate takes; cores are those that are busy, not those to buy."""

    scorers: int
    partitions: int
    cores: dict[str, float]
    log_terabytes: float
    log_megabytes_per_second: float
    table_gigabytes_per_day: float
    wal_megabytes_per_second: float


def plan(measured: Measured, rate: float) -> Plan:
    """Return what a rate in messages per second takes.

    Followers write what the leader wrote, so the broker's part counts once per replica.
    """
    scorers = max(2, math.ceil(rate / (UTILISATION * measured.scorer_rate)))
    cores = {part: rate * micros / 1e6 for part, micros in measured.micros.items()}
    cores["broker"] *= REPLICAS
    logged = sum(measured.bytes[log] for log in ("transactions", "scores", "history"))
    return Plan(
        scorers=scorers,
        partitions=scorers * math.ceil(6 / scorers) if scorers < 6 else 2 * scorers,
        cores=cores,
        log_terabytes=rate * logged * REPLICAS * RETENTION_DAYS * DAY / 1e12,
        log_megabytes_per_second=rate * logged * REPLICAS / 1e6,
        table_gigabytes_per_day=rate * measured.bytes["tables"] * DAY / 1e9,
        wal_megabytes_per_second=rate * measured.bytes["wal"] / 1e6,
    )


def document(results: Results) -> Iterator[str]:
    """Yield the computed lines."""
    measured = Measured.of(results)
    machine = (results["machine"][name] for name in ("date", "cores", "load") if name in results["machine"])
    yield f"Measured: {'; '.join(machine)}; {results['rounds']} rounds."
    yield from _costs(measured)
    yield from _plans(measured)
    yield from _queues(measured)
    yield from _processes(results)


def _costs(measured: Measured) -> Iterator[str]:
    yield from ("", "### Cost of a million messages", "")
    yield from (
        "| part | processor time per message | core seconds per million | dollars per million |",
        "|---|---:|---:|---:|",
    )
    parts = {**measured.micros, "broker": measured.micros["broker"] * REPLICAS}
    for part, micros in (*parts.items(), ("total", sum(parts.values()))):
        name = f"broker, {REPLICAS} replicas" if part == "broker" else part
        yield f"| {name} | {number(micros)} us | {number(micros)} | {micros / 3600 * CORE_HOUR:.5f} |"
    logged = sum(measured.bytes[log] for log in ("transactions", "scores", "history")) * REPLICAS
    yield ""
    yield (
        f"On disk a million messages take {number(logged)} MB of topics in {REPLICAS} replicas and"
        f" {number(measured.bytes['tables'])} MB of tables with their indexes."
    )


def _plans(measured: Measured) -> Iterator[str]:
    plans = [plan(measured, rate) for rate in RATES]
    yield from ("", "### Capacity for a rate", "")
    yield "| messages/s | " + " | ".join(f"{rate:,}" for rate in RATES) + " |"
    yield "|---|" + "---:|" * len(RATES)
    rows = {
        f"scorers at {UTILISATION:.0%} utilisation": [f"{one.scorers}" for one in plans],
        "partitions": [f"{one.partitions}" for one in plans],
        "cores busy: scorers": [number(one.cores["scorer"]) for one in plans],
        "cores busy: sinks": [number(one.cores["sink"]) for one in plans],
        "cores busy: PostgreSQL": [number(one.cores["postgres"]) for one in plans],
        f"cores busy: brokers, {REPLICAS} replicas": [number(one.cores["broker"]) for one in plans],
        "writes to all brokers' disks": [f"{number(one.log_megabytes_per_second)} MB/s" for one in plans],
        f"topics, {RETENTION_DAYS} days": [f"{number(one.log_terabytes)} TB" for one in plans],
        "PostgreSQL's write-ahead log": [f"{number(one.wal_megabytes_per_second)} MB/s" for one in plans],
        "growth of the tables": [f"{number(one.table_gigabytes_per_day)} GB/day" for one in plans],
    }
    yield from (f"| {what} | " + " | ".join(cells) + " |" for what, cells in rows.items())


def _queues(measured: Measured) -> Iterator[str]:
    server = Server(BATCH_SECONDS, 1 / measured.scorer_rate)
    yield from ("", "### Latency and recovery by utilisation", "")
    yield "| utilisation | messages/s | p50 | p99 | catch-up after a failure | p99 during catch-up |"
    yield "|---:|---:|---:|---:|---:|---:|"
    for load in LOADS:
        rate = load * server.capacity
        normal = 1000 * np.percentile(waiting_times(server, rate, 20), [50, 99])
        catch_up = seconds_to_catch_up(server, rate, SESSION_SECONDS)
        worst = np.percentile(waiting_times(server, rate, SESSION_SECONDS + catch_up, outage=SESSION_SECONDS), 99)
        cells = (f"{load:.0%}", f"{rate:,.0f}", *(f"{number(wait)} ms" for wait in normal), f"{number(catch_up)} s")
        yield "| " + " | ".join((*cells, f"{number(float(worst))} s")) + " |"


def _processes(results: Results) -> Iterator[str]:
    found = results["sections"].get("cpu", {"title": "", "figures": {}})["figures"]
    ratios = {name: figure for name, figure in found.items() if name.startswith("cpu_") and name.endswith("_ratio")}
    if ratios:
        yield from ("", "### More processes", "")
        yield (
            "Measured, ratios of the processor time per message: "
            + "; ".join(f"{figure['what']} {number(figure['value'])}" for figure in ratios.values())
            + "."
        )


def newest_results() -> Path:
    """Return the newest complete results.

    Raises:
        Stop: there are none.
    """
    for path in sorted(RESULTS.glob("*.json"), reverse=True):
        if "cost" in json.loads(path.read_text(encoding="utf-8")).get("sections", {}):
            return path
    raise Stop("no results with the section `cost`: run make bench")


def with_figures(text: str, lines: Iterator[str]) -> str:
    """Return the document with its computed part replaced."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return head + BEGIN + "\n".join(lines) + "\n" + END + tail


def main(arguments: list[str] | None = None) -> int:
    """Write the document; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("results", nargs="?", type=Path, help="of make bench (default: the newest in bench/results)")
    options = parser.parse_args(arguments)
    try:
        results: Results = json.loads((options.results or newest_results()).read_text(encoding="utf-8"))
        DOCUMENT.write_text(with_figures(DOCUMENT.read_text(encoding="utf-8"), document(results)), encoding="utf-8")
    except Stop as error:
        print(f"scale: {error}", file=sys.stderr)
        return 1
    print(f"written: {DOCUMENT.relative_to(project_root())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
