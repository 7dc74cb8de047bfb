"""`python -m bench`: measure on private servers of its own, print a table, keep the figures as JSON."""

import argparse
import json
import tempfile
from pathlib import Path

from bench import history, latency, machine, pipeline, rates
from bench.servers import Servers, running_servers

ROWS = 262_144
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="rows of the CSV file (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each rate (default: %(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fraud-bench-") as folder, running_servers(Path(folder)) as servers:
        figures = measure(servers, arguments.rows, arguments.rounds)
    show(figures)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{figures['machine']['date']}.json"
    path.write_text(json.dumps(figures, indent=2) + "\n")
    print(f"\nkept in {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")


def measure(servers: Servers, rows: int, rounds: int) -> dict[str, dict[str, object]]:
    """Return all figures by name; each holds its value and unit, and what it is to be compared with."""
    csv_file = servers.make_csv(rows)
    return {
        "machine": machine.describe(),
        **rates.measure(servers, csv_file, rows, rounds),
        **pipeline.measure(servers, csv_file, rows),
        **latency.measure(servers),
        **history.measure(servers),
    }


def show(figures: dict[str, dict[str, object]]) -> None:
    """Print the figures as a table."""
    print("\n" + " · ".join(str(value) for value in figures["machine"].values()))
    for name, figure in figures.items():
        if name != "machine":
            print(f"{figure['what']:<66}{figure['value']:>12,} {figure['unit']:<12}{figure.get('note', '')}")


if __name__ == "__main__":
    main()
