"""Everything at once: a file chosen in the browser, scored, stored, and seen in the browser."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from conftest import ROOT, Start, database_env
from services.common.settings import TopicSettings
from stack.ports import free_port
from stack.servers import PostgresServer
from tests.support.page import Connection, opened
from tests.support.processes import ServiceProcess, wait_for
from tests.support.topics import read_all

FULL_ROWS = 262_144
"""As many as the competition's test.csv has."""

SCREENSHOT = ROOT / "build" / "page.png"
"""Kept for a person to look at; the folder is ignored by git."""

pytest_plugins = ["tests.support.page_fixtures"]


@pytest.fixture
def url(kafka: str, topics: TopicSettings, start: Start, database: PostgresServer, tmp_path: Path) -> Iterator[str]:
    """The address of a page with a scorer and a sink behind it."""
    scorer, sink = start("scorer"), start("sink")
    port = free_port()
    env = database_env(database, "fraud_ui") | {
        "KAFKA_BOOTSTRAP_SERVERS": kafka,
        "TOPIC_TRANSACTIONS": topics.transactions,
        "UI_PORT": str(port),
        "GRADIO_TEMP_DIR": str(tmp_path / "uploads"),
    }
    page = ServiceProcess.start("ui", env, tmp_path / "ui.log", port)
    for service in (scorer, sink):
        service.wait_ready()
    wait_for(lambda: page.ready("/healthz"), 90, page.text)
    yield f"http://127.0.0.1:{port}"
    page.kill()


def simulated(path: Path, rows: int) -> Path:
    """Write a shuffled file."""
    arguments = ["csv", "--rows", str(rows), "--seed", "5", "--shuffle", "--out", str(path)]
    subprocess.run([sys.executable, "-m", "services.simulator", *arguments], cwd=ROOT, check=True)
    return path


def spaced(pattern: str) -> re.Pattern[str]:
    """Compile a pattern whose spaces fit the no-break spaces of the page too, as those of a plain text do."""
    return re.compile(pattern.replace(" ", r"\s+"))


@pytest.mark.timeout(400)
@pytest.mark.parametrize("rows", [4_096, pytest.param(FULL_ROWS, marks=pytest.mark.slow)])
def test_a_file_goes_from_the_browser_to_the_table_and_back(
    url: str,
    rows: int,
    browser: Browser,
    kafka: str,
    topics: TopicSettings,
    mart: Connection,
    tmp_path: Path,
) -> None:
    """Every row is sent, scored and stored, none lost; then the latest flagged and the histogram."""
    path, said = simulated(tmp_path / "transactions.csv", rows), f"{rows:,}".replace(",", " ")
    for page in opened(browser, url):
        page.set_input_files("input[type=file]", path)
        page.get_by_role("button", name="Отправить в Kafka").click()
        expect(page.locator("#headline")).to_contain_text(spaced(rf"{said} строк[а-я]* в Kafka"), timeout=120_000)
        expect(page.locator("#scored")).to_contain_text(spaced(rf"Оценены все строки файла: {said}\."), timeout=180_000)
        page.get_by_role("button", name="Посмотреть результаты").click()
        expect(page.locator("#totals")).to_contain_text(spaced(rf"Оценен[а-я]* {said} транзакц"))
        expect(page.locator("#flagged tbody tr")).to_have_count(10)
        expect(page.locator("#plot")).to_contain_text("Оценки последних 100 транзакций")
        bars = page.locator("#plot svg.marks [aria-roledescription=bar]").count()
        SCREENSHOT.parent.mkdir(exist_ok=True)
        page.screenshot(path=SCREENSHOT, full_page=True)

    latest = mart.execute("select score from scores order by arrival desc limit 100").fetchall()
    assert bars >= len({int(score * 20) for (score,) in latest if score < 1})
    counts = "select (select count(*) from scores), (select count(*) from transactions)"
    wait_for(lambda: mart.execute(counts).fetchone() == (rows, rows), 60)
    assert len(read_all(kafka, topics.scores)) == rows
    assert read_all(kafka, topics.dead_letters) == []
