"""The page in a real browser, against a real Kafka and a real PostgreSQL; rows stand in for the scorer."""

import shutil
from collections.abc import Iterator

import orjson
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from conftest import database_env
from services.common.settings import KafkaSettings, project_root
from services.topics.__main__ import make_topics
from stack.ports import free_port
from stack.servers import PostgresServer
from tests.support.page import (
    BROWSER_FLAGS,
    PATIENCE_MS,
    TOPICS,
    Connection,
    StartUi,
    Ui,
    forget_models,
    opened,
    wait_ready,
)
from tests.support.processes import ServiceProcess


@pytest.fixture(scope="module")
def start_ui(kafka: str, database: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartUi]:
    """Start pages; whatever still runs at the end is stopped: one that is killed leaves no figures of its coverage."""
    make_topics(KafkaSettings(bootstrap_servers=kafka), TOPICS)
    running: list[ServiceProcess] = []

    def start(**env: str) -> Ui:
        folder = tmp_path_factory.mktemp("ui")
        manifest = folder / "manifest.json"
        for name in ("contract.toml", "risk.json"):
            shutil.copy(project_root() / "onnx" / name, folder)
        for name, changes in (("manifest", {"threshold": 0.37}), ("curve", {})):
            shipped = orjson.loads((project_root() / "onnx" / f"{name}.json").read_bytes())
            (folder / f"{name}.json").write_bytes(orjson.dumps(shipped | {"version": "test-7"} | changes))
        port = free_port()
        settings = database_env(database, "fraud_ui") | {
            "KAFKA_BOOTSTRAP_SERVERS": kafka,
            "TOPIC_TRANSACTIONS": TOPICS.transactions,
            "UI_PORT": str(port),
            "UI_MANIFEST": str(manifest),
            "GRADIO_TEMP_DIR": str(folder / "uploads"),
            "HF_HOME": str(folder / "hub"),
        }
        process = ServiceProcess.start("ui", settings | env, folder / "ui.log", port)
        running.append(process)
        return Ui(process, f"http://127.0.0.1:{port}")

    yield start
    for process in running:
        process.process.terminate()  # does nothing to one that has ended
    for process in running:
        process.finish(30)


@pytest.fixture(scope="module")
def ui(postgres: str, start_ui: StartUi) -> Ui:
    """The page that most tests share, started over a mart in which no model of other tests is in use."""
    forget_models(postgres)
    page = start_ui()
    wait_ready(page)
    return page


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=BROWSER_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, ui: Ui, mart: Connection) -> Iterator[Page]:
    """The page, open in Russian, over an empty mart; that it asks nothing of the internet is part of every test."""
    yield from opened(browser, ui.url)
