"""A CSV file from the click in the page to the last row in PostgreSQL, compared with each stage alone.

The click happens in a real browser; on a machine without one, the code behind it is called instead.
"""

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from bench.figures import Figures, Goal, figure, ratio
from bench.servers import Servers, wait_until
from services.common.contract.load import read_contract
from services.common.settings import ModelFolder, TopicSettings
from services.sender.csvfile import prepare
from services.sender.publish import publish

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
FULL_ROWS = 262_144
STAGES = {
    "send": "reading, checking and sending the file, alone",
    "score": "scoring it, alone",
    "store": "writing its transactions and scores to PostgreSQL, alone",
}
UPLOAD_SECONDS = 60
WAIT_SECONDS = 600

Click = Callable[[], object]


def measure(servers: Servers, csv_file: Path, rows: int, rounds: int) -> Figures:
    """Return the seconds of the whole, of each stage alone, and the ratio of the whole to the slowest stage."""
    seconds: dict[str, list[float]] = {name: [] for name in ("whole", *STAGES)}
    for number in range(rounds):
        for name, taken in _stages(servers, csv_file, rows, number).items():
            seconds[name].append(taken)
        seconds["whole"].append(_whole(servers, csv_file, rows, number))
        print("  " + ", ".join(f"{name} {taken[-1]:.1f} s" for name, taken in seconds.items()), flush=True)
    servers.empty_mart()
    slowest = [max(stages) for stages in zip(*(seconds[name] for name in STAGES), strict=True)]
    return {
        "csv": figure(
            f"CSV of {rows:,} rows, from the click to the last row in PostgreSQL",
            seconds["whole"],
            "s",
            goal=Goal(at_most=10) if rows == FULL_ROWS else None,
            note="in a browser" if _browser() else "no browser on this machine: without the page",
        ),
        **{f"csv_{name}": figure(what, seconds[name], "s") for name, what in STAGES.items()},
        "csv_ratio": ratio("CSV / its slowest stage alone", seconds["whole"], slowest, goal=Goal(at_most=2.5)),
    }


def _stages(servers: Servers, csv_file: Path, rows: int, number: int) -> dict[str, float]:
    """Return the seconds of each stage alone; the time of a service begins when it is ready."""
    servers.empty_mart()
    topics = servers.make_topics(f"stages-{number}")
    sending = _seconds(lambda: _send(servers, topics, csv_file))
    with servers.running("scorer", topics):
        scoring = _seconds(lambda: _wait_scored(servers, topics, rows))
    with servers.running("sink", topics):
        storing = _seconds(lambda: wait_stored(servers, topics, rows))
    return {"send": sending, "score": scoring, "store": storing}


def _whole(servers: Servers, csv_file: Path, rows: int, number: int) -> float:
    """Return the seconds from the click to the last row, with all services running."""
    servers.empty_mart()
    topics = servers.make_topics(f"pipeline-{number}")
    with (
        servers.running("scorer", topics),
        servers.running("sink", topics),
        servers.running("ui", topics) as page,
        _file_selected(servers, topics, csv_file, f"http://127.0.0.1:{page.probe_port}") as click,
    ):
        started = time.perf_counter()
        click()
        wait_stored(servers, topics, rows)
        return time.perf_counter() - started


@contextlib.contextmanager
def _file_selected(servers: Servers, topics: TopicSettings, csv_file: Path, address: str) -> Iterator[Click]:
    """Select a file in the page; yield the function that clicks Send."""
    browser = _browser()
    if browser is None:
        yield lambda: _send(servers, topics, csv_file)
        return
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=BROWSER_FLAGS)
        page = chromium.new_page()
        page.goto(address)
        page.set_input_files("#csv input[type=file]", csv_file)
        button = page.locator("#send")
        expect(button).to_be_enabled(timeout=1000 * UPLOAD_SECONDS)
        yield button.click
        chromium.close()


def _browser() -> str | None:
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def _send(servers: Servers, topics: TopicSettings, csv_file: Path) -> None:
    """Do what the click does."""
    with prepare(csv_file, contract=read_contract(ModelFolder.read().scorer_model_dir)) as transactions:
        publish(transactions, servers.kafka_settings, topics.transactions)


def _seconds(action: Callable[[], None]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _wait_scored(servers: Servers, topics: TopicSettings, rows: int) -> None:
    done = lambda: servers.committed("scorer", topics) >= rows  # noqa: E731
    wait_until(done, WAIT_SECONDS, lambda: f"{servers.committed('scorer', topics)} of {rows} are scored")


def wait_stored(servers: Servers, topics: TopicSettings, rows: int) -> None:
    """Wait for the last row of both tables; rows are counted only when cheaper queries say that they are complete."""
    cheap = (
        "select coalesce((select max(arrival) from scores), 0),"
        " (select coalesce(sum(next_offset), 0) from sink_offsets where topic = %s)"
    )
    counted = "select (select count(*) from scores), (select count(*) from transactions)"
    with servers.connect() as connection:

        def stored() -> bool:
            arrived, read = connection.execute(cheap, [topics.transactions]).fetchone() or (0, 0)
            return min(arrived, read) >= rows and connection.execute(counted).fetchone() == (rows, rows)

        wait_until(stored, WAIT_SECONDS, lambda: f"stored {connection.execute(counted).fetchone()} of {rows}")
