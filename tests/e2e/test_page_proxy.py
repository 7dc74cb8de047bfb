"""The page below a path behind a real nginx with TLS, in a real browser."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from services.common.settings import KafkaSettings
from services.topics.__main__ import make_topics
from tests.support.nginx import Sites, nginx
from tests.support.page import GOOD_ROW, TOPICS, Connection, StartUi, Ui, add, faults_of, send, wait_ready, write_csv
from ui.login.users import hash_password

pytest_plugins = ["tests.support.page_fixtures"]

WITHIN = 30_000
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def guarded(kafka: str, start_ui: StartUi, tmp_path_factory: pytest.TempPathFactory) -> Ui:
    """A page with a login below /fraud."""
    make_topics(KafkaSettings(bootstrap_servers=kafka), TOPICS)
    users = tmp_path_factory.mktemp("users") / "users"
    users.write_text(f"ada:analyst:{hash_password(PASSWORD)}\n")
    page = start_ui(UI_ROOT_PATH="/fraud", UI_USERS_FILE=str(users))
    wait_ready(page)
    return page


@pytest.fixture(scope="module")
def sites(guarded: Ui, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    with nginx(tmp_path_factory.mktemp("nginx"), guarded.process.probe_port) as sites:
        yield sites


@pytest.fixture
def visitor(browser: Browser, mart: Connection) -> Iterator[Page]:
    """A tab that trusts the certificate; fails at the end if the page did what faults_of() lists."""
    mart.execute("truncate uploads, upload_rows")
    context = browser.new_context(ignore_https_errors=True, locale="ru-RU", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    faults = faults_of(page)
    yield page
    context.close()
    assert not faults


def log_in(page: Page, port: int) -> None:
    page.goto(f"https://127.0.0.1:{port}/fraud")
    page.get_by_label("Имя пользователя").fill("ada", timeout=WITHIN)
    page.get_by_label("Пароль").fill(PASSWORD)
    page.get_by_role("button").first.click()
    expect(page.locator("#who")).to_contain_text("ada · аналитик", timeout=WITHIN)


@pytest.mark.parametrize("stripped", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["passed", "stripped"])
def test_the_page_works_below_a_path_behind_tls(
    visitor: Page, sites: Sites, mart: Connection, tmp_path: Path, stripped: bool
) -> None:
    """Login, upload, download, live view, the other language and logout, whether nginx passes the path on or strips it."""
    log_in(visitor, sites.stripping if stripped else sites.passing)
    (cookie,) = visitor.context.cookies()
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"], cookie["path"]) == (True, True, "Lax", "/fraud")

    send(visitor, write_csv(tmp_path / "payments.csv", GOOD_ROW))
    expect(visitor.locator("#headline")).to_contain_text("Готово: 1 строка", timeout=WITHIN)
    visitor.get_by_role("tab", name="Файлы").click()
    with visitor.expect_download(timeout=WITHIN) as download:
        visitor.locator("#uploads a").first.click(timeout=WITHIN)
    assert "/fraud/files/uploads/" in download.value.url
    (row,) = csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8-sig")), delimiter=";")
    assert row["amount"] == "995,70"

    visitor.get_by_role("tab", name="Сейчас").click()
    add(mart, *[0.9, 0.1, 0.1, 0.1] * 3)
    expect(visitor.locator("#live-now dl")).to_contain_text("из последних 12", timeout=WITHIN)
    visitor.get_by_role("link", name="English").click()
    expect(visitor.locator("#who")).to_contain_text("ada · analyst", timeout=WITHIN)
    assert visitor.url.endswith("/fraud/en")
    visitor.get_by_role("link", name="Log out").click()
    expect(visitor.get_by_label("Пароль")).to_be_visible(timeout=WITHIN)
    assert visitor.context.cookies() == []
