"""`python -m tests.soak`: the whole product for hours at a steady rate, the page open; memory must stay flat.

It runs a stack of its own on free ports and writes a line of JSON a sample; exit code 1 if something grew, fell behind
or was lost, or if the scorer made new Kafka clients, for which nothing here gives a reason, more than once in ten
minutes.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from playwright.sync_api import Page, sync_playwright

from stack.plan import page_address, psql_environment
from stack.ports import free_port
from stack.report import read_report
from stack.settings import StackSettings
from tests.soak.samples import Sample, resident_bytes, spread
from tests.support.processes import ROOT, metrics_at, wait_for

SERVICES = ("scorer", "sink", "ui")
CUSTOMERS = 1_000
"""Few enough that each soon has as many transactions as are kept of one: from then on the history does not grow."""

SAMPLE_SECONDS = 15.0
MOST_SPREAD = 0.05
CATCH_UP_SECONDS = 60
SECONDS_A_RECREATION = 600


def main() -> int:
    """Run the soak and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=7_200, help="how long (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=2_000, help="messages a second (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=ROOT / "tests/soak/results.json", help="default: %(default)s")
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="fraud-soak-"))
    with _running_stack(home) as settings, _open_page(settings) as page:
        samples, sent = _sample(settings, page, options.rate, options.seconds)
        recreated = int(metrics_at(settings.scorer_probe_port)["fraud_scorer_rebuilds_total"])
        kept = _wait_kept(settings, sent)
    shutil.rmtree(home)
    return _judge(samples, sent, kept, recreated, options.out)


@contextlib.contextmanager
def _running_stack(home: Path) -> Iterator[StackSettings]:
    ports = {name: str(free_port()) for name in StackSettings.read().ports()}
    environment = os.environ | ports | {"STACK_HOME": str(home)}
    (home / "jars").symlink_to(StackSettings.read().jars)
    stack = [sys.executable, "-m", "stack"]
    subprocess.run([*stack, "up", "--no-sample"], cwd=ROOT, env=environment, check=True)
    try:
        yield StackSettings.model_validate(
            {name.lower(): value for name, value in ports.items()} | {"stack_home": home}
        )
    finally:
        subprocess.run([*stack, "down"], cwd=ROOT, env=environment, check=True)


@contextlib.contextmanager
def _open_page(settings: StackSettings) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(locale="ru-RU")
        page.goto(page_address(settings))
        yield page
        browser.close()


def _sample(settings: StackSettings, page: Page, rate: float, seconds: float) -> tuple[list[Sample], int]:
    """Return what was seen while so many messages a second were sent, and how many were sent."""
    simulate = ["services.simulator", "stream", "--rate", str(rate), "--customers", str(CUSTOMERS), "--seconds"]
    environment = os.environ | {"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{settings.kafka_port}"}
    log = settings.home / "simulator.log"
    with log.open("wb") as output:
        simulator = subprocess.Popen(
            [sys.executable, "-m", *simulate, str(seconds)], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    report = read_report(settings.home)
    assert report is not None
    pids = {entry.name: entry.process.pid for entry in report.entries if entry.name in SERVICES and entry.process}
    samples, started = [], time.monotonic()
    while simulator.poll() is None:
        page.wait_for_timeout(SAMPLE_SECONDS * 1000)
        rss = {name: resident_bytes(pid) for name, pid in pids.items()}
        samples.append(Sample(time.monotonic() - started, rss))
        print(
            json.dumps({"seconds": round(samples[-1].seconds), "mib": {n: b >> 20 for n, b in rss.items()}}), flush=True
        )
    assert simulator.returncode == 0, log.read_text()
    return samples, int(rate * seconds)


def _wait_kept(settings: StackSettings, sent: int) -> int:
    """Return how many scores the mart holds, once it holds all or has had time to."""
    environment = psql_environment(settings)
    conninfo = " ".join(f"{k}={environment['PG' + k.upper()]}" for k in ("host", "port", "user", "password"))
    with psycopg.connect(f"{conninfo} dbname={environment['PGDATABASE']}", autocommit=True) as connection:

        def count() -> int:
            row = connection.execute("select count(*) from scores").fetchone()
            return int(row[0]) if row else 0

        with contextlib.suppress(AssertionError):
            wait_for(lambda: count() >= sent * 0.999, CATCH_UP_SECONDS)
        return count()


def _judge(samples: list[Sample], sent: int, kept: int, recreated: int, out: Path) -> int:
    """Print and keep what came out; return the exit code."""
    last = samples[-1].seconds / 2
    moved = {name: round(spread(samples, name, last), 4) for name in samples[-1].rss}
    result = {
        "seconds": round(samples[-1].seconds),
        "about_sent": sent,
        "kept": kept,
        "clients_recreated": recreated,
        "spread_of_the_last_half": moved,
        "mib_at_the_end": {name: size >> 20 for name, size in samples[-1].rss.items()},
    }
    out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))
    calm = recreated <= max(1, samples[-1].seconds / SECONDS_A_RECREATION)
    return 0 if calm and max(moved.values()) <= MOST_SPREAD and kept >= sent * 0.999 else 1


if __name__ == "__main__":
    sys.exit(main())
