"""The page below a path behind a real nginx with TLS, in a real browser."""

import contextlib
import http.client
import ssl
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest
from playwright.sync_api import Browser, Page, expect

from services.common.settings import KafkaSettings
from services.topics.__main__ import make_topics
from tests.support.nginx import Sites, nginx
from tests.support.page import (
    GOOD_ROW,
    TOPICS,
    Connection,
    StartUi,
    Ui,
    add,
    opened,
    send,
    visit,
    wait_ready,
    write_csv,
)  # fmt: skip
from tests.support.processes import wait_for
from ui.login.users import hash_password

pytest_plugins = ["tests.support.page_fixtures"]
pytestmark = pytest.mark.slow

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
    """The blank page of one who trusts the certificate."""
    mart.execute("truncate uploads, upload_rows")
    with visit(browser, ignore_https_errors=True) as page:
        yield page


def log_in(page: Page, port: int) -> None:
    page.goto(f"https://127.0.0.1:{port}/fraud")
    page.get_by_label("Имя пользователя").fill("ada", timeout=WITHIN)
    page.get_by_label("Пароль").fill(PASSWORD)
    page.get_by_role("button").first.click()
    expect(page.locator("#who")).to_contain_text("ada · аналитик", timeout=WITHIN)


@pytest.mark.parametrize("stripped", [False, True], ids=["passed", "stripped"])
def test_the_page_works_below_a_path_behind_tls(
    visitor: Page, sites: Sites, mart: Connection, tmp_path: Path, stripped: bool
) -> None:
    """Login, upload, download, live view, language and logout, whether nginx passes the path on or strips it."""
    log_in(visitor, sites.stripping if stripped else sites.passing)
    (cookie,) = visitor.context.cookies()
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"], cookie["path"]) == (True, True, "Lax", "/fraud")

    rows = [(*GOOD_ROW[:3], f"{number}.75", *GOOD_ROW[4:]) for number in range(1, 12_001 if stripped else 2)]
    path = write_csv(tmp_path / "payments.csv", *rows)
    assert not stripped or path.stat().st_size > 1 << 20  # nginx lets no more than that pass by default
    send(visitor, path)
    expect(visitor.locator("#headline")).to_contain_text("Готово: ", timeout=WITHIN)
    visitor.get_by_role("tab", name="Файлы").click()
    with visitor.expect_download(timeout=WITHIN) as download:
        visitor.locator("#uploads a").first.click(timeout=WITHIN)
    assert "/fraud/files/uploads/" in download.value.url
    assert download.value.path().read_text(encoding="utf-8-sig").startswith("transaction_id;")

    visitor.get_by_role("tab", name="Сейчас").click()
    add(mart, *[0.9, 0.1, 0.1, 0.1] * 3)
    expect(visitor.locator("#live-now dl")).to_contain_text("из последних 12", timeout=WITHIN)
    visitor.get_by_role("link", name="English").click()
    expect(visitor.locator("#who")).to_contain_text("ada · analyst", timeout=WITHIN)
    assert visitor.url.endswith("/fraud/en")
    visitor.get_by_role("link", name="Log out").click()
    expect(visitor.get_by_label("Пароль")).to_be_visible(timeout=WITHIN)
    assert visitor.context.cookies() == []


SHOWN = {
    "live": "#live-now dl", "uploads": "#uploads", "cases": "#case-head", "whatif": "#whatif-plot svg.marks",
    "payment": "#pay",
}  # fmt: skip
"""Tabs, and what appears in each of them once it is complete."""


@pytest.mark.parametrize(("path", "results"), [("", "Посмотреть результаты"), ("en", "View results")], ids=["ru", "en"])
def test_every_tab_keeps_to_the_policy(browser: Browser, ui: Ui, mart: Connection, path: str, results: str) -> None:
    """Charts too: opened() fails for whatever the Content-Security-Policy blocks."""
    add(mart, *[0.9, 0.1, 0.1, 0.1] * 30)
    for page in opened(browser, f"{ui.url}/{path}"):
        page.get_by_role("button", name=results).click()
        expect(page.locator("#plot svg.marks")).to_be_visible(timeout=WITHIN)
        page.locator("#flagged .open-case").first.click()
        for tab in page.locator("#tabs [role=tab]").all()[1:]:
            tab.click()
            shown = SHOWN[tab.get_attribute("data-tab-id") or ""]
            expect(page.locator(shown)).to_be_visible(timeout=WITHIN)


def test_markup_that_slips_into_the_page_runs_nothing(browser: Browser, ui: Ui, mart: Connection) -> None:
    """Neither a handler in an attribute, nor a script, nor a picture that tells another host."""
    page = browser.new_context().new_page()
    page.goto(ui.url)
    expect(page.locator("h1")).to_be_visible(timeout=WITHIN)
    page.evaluate(
        """() => {
            window.ran = []; window.blocked = [];
            document.addEventListener('securitypolicyviolation', (event) => blocked.push(event.effectiveDirective));
            const place = document.querySelector('h1');
            place.insertAdjacentHTML('beforeend', '<img src="data:," onerror="ran.push(1)">');
            place.insertAdjacentHTML('beforeend', '<img src="https://elsewhere.example/?stolen">');
            const script = document.createElement('script');
            script.textContent = 'ran.push(2)';
            place.append(script);
        }"""
    )
    page.wait_for_function("blocked.length >= 3")
    assert sorted(page.evaluate("blocked")) == ["img-src", "script-src-attr", "script-src-elem"]
    assert page.evaluate("ran") == []
    page.context.close()


def test_a_page_of_another_origin_reads_nothing_with_the_users_cookie(visitor: Page, sites: Sites) -> None:
    """Not even one of the same site, to which SameSite lets the cookie go: here another port, without a policy."""
    log_in(visitor, sites.passing)
    read = "(url) => fetch(url, {credentials: 'include'}).then((answer) => answer.status)"
    assert visitor.evaluate(read, "/fraud/config") == 200
    other = visitor.context.new_page()
    other.goto(f"https://127.0.0.1:{sites.stripping}/other")  # nginx's own page for what is not there
    assert other.evaluate(read, f"https://127.0.0.1:{sites.passing}/fraud/config") == 403


def test_the_log_names_the_client_not_the_proxy(guarded: Ui, sites: Sites) -> None:
    """As nginx saw it: what a client claims of itself is not passed on."""
    body = "username=eve&password=guess"
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-For": "192.0.2.7"}
    assert ask(sites.passing, "POST", "/fraud/login", body, headers) == 400
    assert ask(sites.passing, "GET", "/fraud/healthz") == 404  # nginx keeps it to itself
    wait_for(lambda: '"known": false' in guarded.process.text(), 5, guarded.process.text)
    (line,) = (line for line in guarded.process.text().splitlines() if '"known": false' in line)
    assert orjson.loads(line)["address"] == "127.0.0.2"


def ask(port: int, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> int:
    """Ask from 127.0.0.2; return the status."""
    connection = http.client.HTTPSConnection(
        "127.0.0.1",
        port,
        timeout=30,
        source_address=("127.0.0.2", 0),
        context=ssl._create_unverified_context(),  # noqa: S323
    )
    with contextlib.closing(connection):
        connection.request(method, path, body, headers or {})
        return connection.getresponse().status
