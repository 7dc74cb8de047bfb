"""The page as a process, and what a reader does with it in a browser."""

import contextlib
import csv
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import psycopg
from playwright.sync_api import Browser, Locator, Page, expect

from services.common.settings import TopicSettings
from tests.support.contracts import FIELDS
from tests.support.processes import ServiceProcess, wait_for
from tests.support.topics import read_all

Connection = psycopg.Connection[tuple[Any, ...]]
TOPICS = TopicSettings(
    transactions="page-transactions", scores="page-scores", alerts="page-alerts", dead_letters="page-transactions.dlq"
)
BROWSER_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE_MS = 20_000
"""How long a browser waits for what a test expects: on a machine that runs all tests at once 5 s, its own, is short."""

VISITOR = {"locale": "ru-RU", "timezone_id": "Europe/Moscow", "viewport": {"width": 1280, "height": 900}}
GOOD_ROW = (
    "2020-06-21 22:14", "fraud_Kilback LLC", "shopping_net", "995.70", "Ada", "Example", "F", "1 Test Lane", "Nowhere",
    "TX", "76443", "32.1", "-99.1", "1897", "Surveyor", "31.7", "-99.1",
)  # fmt: skip


@dataclass
class Ui:
    """A running page."""

    process: ServiceProcess
    url: str


StartUi = Callable[..., Ui]


def forget_models(postgres: str) -> None:
    """Remove the models that other tests put in use: a page keeps the last one that it has read."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("truncate model_spans")


def opened(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    """Open an address; see visit()."""
    with visit(browser, **options) as page:
        page.goto(url)
        expect(page.locator("h1")).to_be_visible(timeout=60_000)
        yield page


@contextlib.contextmanager
def visit(browser: Browser, **options: Any) -> Iterator[Page]:
    """A blank page of a new visitor; fails at the end if the page did what faults_of() lists."""
    visitor = browser.new_context(**VISITOR | options)
    page = visitor.new_page()
    faults = faults_of(page)
    yield page
    visitor.close()
    assert not faults


def faults_of(page: Page) -> list[str]:
    """Return a list that grows: requests to elsewhere, scripts that broke, what the page's own policy blocked."""
    faults: list[str] = []
    page.on("request", lambda request: None if is_own(request.url) else faults.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text) if "Content Security Policy" in line.text else None)
    return faults


def is_own(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "https://127.0.0.1:", "data:", "blob:"))


def wait_ready(ui: Ui) -> None:
    wait_for(lambda: ui.process.ready("/healthz"), 90, lambda: f"not ready:\n{ui.process.text()}")


def rss_mb(ui: Ui) -> int:
    """Return the memory of a page's process in MB, without the files it has mapped."""
    status = Path(f"/proc/{ui.process.process.pid}/status").read_text(encoding="utf-8")
    found = re.search(r"RssAnon:\s+(\d+) kB", status)
    assert found
    return int(found[1]) // 1024


def cpu_seconds(ui: Ui) -> float:
    """Return the time a page's process has computed so far."""
    fields = Path(f"/proc/{ui.process.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def add(mart: Connection, *scores: float, threshold: float = 0.37) -> None:
    """Insert scored transactions in this order of arrival: ids p-0, p-1, …"""
    for number, score in enumerate(scores):
        mart.execute(
            "insert into scores (transaction_id, score, fraud_flag, scored_at, src_partition, src_offset)"
            " values (%s, %s, %s, now(), 0, 0)",
            [f"p-{number}", score, int(score >= threshold)],
        )
        mart.execute(
            "insert into transactions"
            " values (%s, '2020-06-21 22:14', 1995.7, 'shopping_net', 'fraud_Kilback LLC', 'TX', 'Y', 'Z', 0, 0)",
            [f"p-{number}"],
        )


def write_csv(path: Path, *rows: tuple[str, ...]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([FIELDS, *rows])
    return path


def send(page: Page, path: Path) -> None:
    page.set_input_files("input[type=file]", path)
    page.get_by_role("button", name="Отправить в Kafka").click()


def view(page: Page) -> None:
    page.get_by_role("button", name="Посмотреть результаты").click()


def open_live(page: Page) -> Locator:
    """Open the tab and return its figures."""
    page.get_by_role("tab", name="Сейчас").click()
    return page.locator("#live-now dl")


def sent_ids(kafka: str, besides: Iterable[str] = ()) -> list[str]:
    """Return the ids in the topic, but for those that were there before; within a partition in the order of sending."""
    known, messages = set(besides), read_all(kafka, TOPICS.transactions)
    ids = [orjson.loads(message.value() or b"")["transaction_id"] for message in messages]
    return [found for found in ids if found not in known]
