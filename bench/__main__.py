"""`python -m bench`: measures on servers of its own, prints a table and stores the figures.

A complete run writes bench/results/<date>.json, bench/results/latest.md and docs/bench.svg. A quick run, or one of some
sections only, writes the same files to build/bench, so that a trial does not replace published figures.
"""

import argparse
import json
import logging
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import structlog

from bench import (
    chart,
    comparison,
    cost,
    cpu,
    families,
    footprint,
    history,
    idle_page,
    latency,
    machine,
    pipeline,
    rates,
    sink,
)
from bench.figures import Figures
from bench.servers import Servers, running_servers
from bench.stamps import Window
from bench.table import Results, Section, to_markdown, to_text
from services.common.settings import project_root

ROOT = project_root()
TRIALS = ROOT / "build" / "bench"


@dataclass(frozen=True, slots=True)
class Size:
    """The sizes of a run."""

    rows: int
    customers: int
    latency_seconds: float
    window: Window


FULL = Size(rows=262_144, customers=1_000_000, latency_seconds=10, window=Window(warm_up_seconds=1, seconds=6))
QUICK = Size(rows=65_536, customers=100_000, latency_seconds=3, window=Window(warm_up_seconds=0.5, seconds=2))

TITLES = {
    "rates": "Scorer compared with its limit",
    "families": "Scorer of another family of models",
    "peers": "Scorer compared with its peers",
    "sink": "Sink compared with its limit",
    "csv": "A CSV file from end to end",
    "latency": "Latency",
    "cpu": "Scorer: processor time per message",
    "cost": "Whole pipeline: processor time and bytes per message",
    "history": "History: memory and time",
    "idle": "A page that nobody looks at",
    "footprint": "Start-up time and image sizes",
}
"""Section -> its title."""


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=TITLES, metavar="SECTION", help=f"of: {', '.join(TITLES)}")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each figure (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="small sizes: a trial of the benchmark itself")
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    size = QUICK if arguments.quick else FULL
    with tempfile.TemporaryDirectory(prefix="fraud-bench-") as folder, running_servers(Path(folder)) as servers:
        results = measure(servers, arguments.only or TITLES, size, arguments.rounds)
    print("\n" + to_text(results))
    write_results(results, complete=not (arguments.quick or arguments.only))


def measure(servers: Servers, names: Iterable[str], size: Size, rounds: int) -> Results:
    """Return the results of the named sections."""
    results = Results(machine=machine.describe(servers), rounds=rounds, sections={}, left_out=servers.left_out)
    csv_file = servers.make_csv(size.rows)
    sections: dict[str, Callable[[], Figures]] = {
        "rates": lambda: rates.measure(servers, csv_file, size.rows, rounds),
        "families": lambda: families.measure(servers, csv_file, size.rows, rounds),
        "peers": lambda: comparison.measure(servers, csv_file, rounds, size.window),
        "sink": lambda: sink.measure(servers, size.rows, rounds),
        "csv": lambda: pipeline.measure(servers, csv_file, size.rows, rounds),
        "latency": lambda: latency.measure(servers, csv_file, rounds, size.latency_seconds),
        "cpu": lambda: cpu.measure(servers, csv_file, rounds, size.customers),
        "cost": lambda: cost.measure(servers, csv_file, rounds),
        "history": lambda: history.measure(servers, rounds, size.customers),
        "idle": lambda: idle_page.measure(servers, rounds),
        "footprint": lambda: footprint.measure(servers, rounds),
    }
    for name in names:
        print(f"{time.strftime('%H:%M:%S')} {TITLES[name]}", flush=True)
        results["sections"][name] = Section(title=TITLES[name], figures=sections[name]())
    return results


def write_results(results: Results, *, complete: bool) -> None:
    """Write the figures, the table and the chart, and print where they are."""
    figures = ROOT / "bench" / "results" if complete else TRIALS
    picture = (ROOT / "docs" if complete else TRIALS) / "bench.svg"
    figures.mkdir(parents=True, exist_ok=True)
    data, table = figures / f"{results['machine']['date']}.json", figures / "latest.md"
    data.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    table.write_text(to_markdown(results), encoding="utf-8")
    everything = {name: found for section in results["sections"].values() for name, found in section["figures"].items()}
    written = [data, table]
    try:
        written += [picture] if chart.draw(everything, picture) else []
    except ModuleNotFoundError as error:
        print(f"\n{picture.name} is not drawn: {error}; make bench installs it")
    print("\nwritten: " + ", ".join(str(path.relative_to(ROOT)) for path in written))


if __name__ == "__main__":
    main()
