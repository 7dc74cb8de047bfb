"""The page in a real browser: sending a file, and the latest results."""

import csv
import io
import re
import urllib.request
from pathlib import Path

import orjson
import pytest
from playwright.sync_api import Browser, Page, expect

from stack.servers import PostgresServer
from tests.support.contracts import FIELDS
from tests.support.page import (
    GOOD_ROW,
    Connection,
    StartUi,
    Ui,
    add,
    open_live,
    opened,
    send,
    sent_ids,
    view,
    visit,
    wait_ready,
    write_csv,
)
from tests.support.processes import wait_for

pytest_plugins = ["tests.support.page_fixtures"]


ASK_LATE = """() => {
    const fetch = window.fetch;
    window.fetch = async (address, ...options) => {
        if (String(address).includes('/queue/join')) await new Promise((done) => setTimeout(done, 1000));
        return fetch(address, ...options);
    };
}"""


def test_the_page_is_in_russian(page: Page) -> None:
    """Heading, both sections, both links and the limit, whatever the browser's language."""
    assert page.locator("html").get_attribute("lang") == "ru"
    expect(page.get_by_role("heading", name="Загрузить транзакции")).to_be_visible()
    expect(page.get_by_role("heading", name="Результаты", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Посмотреть результаты")).to_be_enabled()
    expect(page.get_by_role("button", name="Отправить в Kafka")).to_be_disabled()
    expect(page.locator("#upload")).to_contain_text("До 512 МБ")


@pytest.mark.slow
def test_the_page_is_in_english_too(browser: Browser, page: Page) -> None:
    """One click away, and back."""
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("button", name="View results")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="View results").click()
    expect(page.locator("#flagged")).to_contain_text("No transactions with fraud_flag = 1 yet")
    page.get_by_role("link", name="Русский").click()
    expect(page.get_by_role("button", name="Посмотреть результаты")).to_be_visible(timeout=30_000)


def test_an_empty_mart_is_shown_in_words(page: Page) -> None:
    """No empty table, no empty chart."""
    view(page)
    expect(page.locator("#flagged")).to_contain_text("Пока нет транзакций с fraud_flag = 1 — загрузите CSV")
    expect(page.locator("#flagged table")).to_have_count(0)
    expect(page.locator("#plot")).to_have_count(0)


def test_the_ten_latest_flagged_are_shown(page: Page, mart: Connection) -> None:
    """Ten rows, the latest first, as a Russian reader writes figures; and the totals."""
    add(mart, *[0.9, 0.1] * 12)
    view(page)
    rows = page.locator("#flagged tbody tr")
    expect(rows).to_have_count(10)
    cells = rows.first.locator("td")
    expect(cells.first).to_have_text(re.compile(r"^\d\d\.\d\d\.20\d\d \d\d:\d\d$"))
    shown = ["21.06.2020 22:14", "1 995,70", "shopping_net", "Kilback LLC", "TX", "0,900", "первая транзакция", "p-22"]
    expect(cells).to_have_count(1 + len(shown))
    for place, text in enumerate(shown, start=1):
        expect(cells.nth(place)).to_have_text(text, use_inner_text=True)
    expect(rows.last.locator("td").last).to_have_text("p-4")
    expect(page.locator("#totals")).to_contain_text("Оценено 24 транзакции, с fraud_flag = 1 — 12 (50,00 %).")
    expect(page.locator("#totals")).to_contain_text(
        re.compile(r"Обновлено в \d\d:\d\d:\d\d · модель test-7, порог 0,37")
    )


def test_the_histogram_is_of_the_latest_hundred(page: Page, mart: Connection) -> None:
    """Bars in fixed bins, their counts, the threshold and of how many scores they are."""
    add(mart, 0.99, *[0.01] * 90, *[0.42] * 7, 0.36, 0.38, 0.39)
    view(page)
    plot = page.locator("#plot svg.marks")
    expect(plot).to_contain_text("Оценки последних 100 транзакций")
    expect(plot).to_contain_text("порог 0,37")
    expect(plot.locator("[aria-roledescription=bar]")).to_have_count(4)  # 90; 1 and 2 in one bin; 7; not the 0.99
    expect(plot.locator(".mark-text text")).to_contain_text(["90", "3", "7"])
    box, column = plot.bounding_box(), page.locator("#results").bounding_box()
    assert box
    assert column
    assert box["width"] > 0.9 * (column["width"] - 64)


def test_one_score_beside_ninety_is_seen_on_a_logarithmic_scale(page: Page, mart: Connection) -> None:
    """By a switch; the bars' counts stay."""
    add(mart, *[0.01] * 90, 0.42)
    view(page)
    plot = page.locator("#plot svg.marks")
    lone = plot.locator("[aria-roledescription=bar]").last
    expect(lone).to_be_visible()
    flat = lone.bounding_box()
    page.locator("#plot-scale input").check()
    expect(plot.locator(".role-axis-label text").filter(has_text=re.compile(r"^10$"))).to_have_count(1)
    high = lone.bounding_box()
    assert flat
    assert high
    assert high["height"] > 4 * flat["height"]
    expect(plot.locator(".mark-text text")).to_contain_text(["90", "1"])


@pytest.mark.slow
def test_fewer_scores_are_called_fewer(page: Page, mart: Connection) -> None:
    """The title does not promise a hundred."""
    add(mart, 0.1, 0.2)
    view(page)
    expect(page.locator("#plot svg.marks")).to_contain_text("Оценки последних 2 транзакций")


def test_a_file_is_sent_and_followed(page: Page, ui: Ui, kafka: str, mart: Connection, tmp_path: Path) -> None:
    """Rows reach Kafka with a report; the results refresh by themselves as the scores arrive."""
    before = sent_ids(kafka)
    rows = [(*GOOD_ROW[:3], f"{number}.50", *GOOD_ROW[4:]) for number in range(1, 22)]
    send(page, write_csv(tmp_path / "transactions.csv", *rows))
    headline = page.locator("#headline")
    expect(headline).to_contain_text("Готово: 21 строка в Kafka", timeout=30_000)
    expect(headline).to_contain_text("добавятся только новые")
    expect(page.locator("#scored")).to_contain_text("Оценено 0 из 21 отправленной строки")
    ids = sent_ids(kafka, before)
    assert len(set(ids)) == 21

    for key in ids:
        mart.execute("insert into scores values (%s, 0.9, 1, now(), 0, 0)", [key])
    expect(page.locator("#scored")).to_contain_text("Оценены все строки файла: 21.", timeout=15_000)
    expect(page.locator("#flagged tbody tr")).to_have_count(10)
    expect(page.locator("#plot svg.marks")).to_contain_text("Оценки последних 21 транзакции")


@pytest.mark.slow
def test_another_file_takes_over(page: Page, tmp_path: Path) -> None:
    """A second file can be sent while the first is still waiting for its scores; the page then follows the second.

    However late the page learns that the first one was removed.
    """
    rows = [(*GOOD_ROW[:3], f"{number}.25", *GOOD_ROW[4:]) for number in range(1, 6)]
    send(page, write_csv(tmp_path / "first.csv", *rows))
    expect(page.locator("#scored")).to_contain_text("Оценено 0 из 5", timeout=30_000)
    page.evaluate(ASK_LATE)
    page.locator("#csv button[aria-label]").first.click()
    send(page, write_csv(tmp_path / "second.csv", *rows[:2]))
    expect(page.locator("#scored")).to_contain_text("Оценено 0 из 2", timeout=30_000)
    page.wait_for_timeout(2_500)
    expect(page.locator("#scored")).to_contain_text("Оценено 0 из 2")


def test_what_was_refused_is_reported_by_line(page: Page, tmp_path: Path) -> None:
    """Good rows go, bad ones are listed with line, field and reason; a file cannot bring markup."""
    bad_amount, bad_time = (*GOOD_ROW[:3], "<b>x</b>", *GOOD_ROW[4:]), ("yesterday", *GOOD_ROW[1:])
    send(page, write_csv(tmp_path / "transactions.csv", GOOD_ROW, bad_amount, GOOD_ROW, bad_time))
    rows = page.locator("#report tbody tr")
    expect(rows).to_have_count(2, timeout=30_000)
    expect(rows.nth(0).locator("td")).to_have_text(["3", "amount", "Не число"])
    expect(rows.nth(1).locator("td")).to_have_text(["5", "transaction_time", re.compile("Не похоже на время")])
    expect(page.locator("#report dd")).to_have_text(["4", "2", "0", "2"])
    expect(page.locator("#report td b")).to_have_count(0)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "Файл пуст."),
        (b"PK\x03\x04 not a csv", "Это книга Excel"),
        (b"transaction_time,cat_id\n2020-06-21 22:14,misc_net\n", "Нет обязательных колонок: amount"),
    ],
)
def test_a_useless_file_is_shown_in_words(page: Page, tmp_path: Path, content: bytes, sentence: str) -> None:
    """What is wrong with it and what to do; no names of exceptions."""
    path = tmp_path / "transactions.csv"
    path.write_bytes(content)
    send(page, path)
    expect(page.locator("#headline")).to_contain_text(sentence, timeout=30_000)
    expect(page.locator("#headline")).not_to_contain_text(re.compile("Error|Exception|refused"))


def test_the_template_is_accepted_by_the_page(page: Page, tmp_path: Path) -> None:
    """What can be downloaded can be sent."""
    for name in ("Скачать шаблон", "Скачать пример"):
        with page.expect_download() as started:
            page.get_by_role("link", name=name).click()
        path = tmp_path / f"{name}.csv"
        started.value.save_as(path)
        header = next(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig")), delimiter=";"))
        assert header[: len(FIELDS)] == list(FIELDS)
    send(page, tmp_path / "Скачать шаблон.csv")
    expect(page.locator("#headline")).to_contain_text("Готово: 1 строка в Kafka", timeout=30_000)


def test_a_database_outage_is_shown_in_words(page: Page, mart: Connection, database: PostgresServer) -> None:
    """What was read last stays on the page, with its age."""
    add(mart, 0.9)
    view(page)
    expect(page.locator("#flagged tbody tr")).to_have_count(1)
    mart.close()
    database.stop()
    try:
        view(page)
        expect(page.locator("#totals")).to_contain_text(
            re.compile(r"База недоступна\. Показаны данные на \d\d:\d\d\."), timeout=15_000
        )
        expect(page.locator("#flagged tbody tr")).to_have_count(1)
    finally:
        database.start()
    view(page)
    expect(page.locator("#totals")).not_to_contain_text("База недоступна", timeout=15_000)


@pytest.mark.slow
def test_on_a_phone_nothing_runs_off_the_screen(browser: Browser, ui: Ui, mart: Connection) -> None:
    """At 390 pixels the table becomes cards and the chart fits."""
    add(mart, 0.9, 0.1)
    for page in opened(browser, ui.url, viewport={"width": 390, "height": 844}):
        view(page)
        expect(page.locator("#plot svg.marks")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        expect(page.locator("#flagged thead")).to_be_hidden()


@pytest.mark.slow
def test_cyrillic_has_its_own_font(page: Page) -> None:
    """Headings and buttons are drawn with the page's font, not with whatever the system falls back to."""
    page.evaluate("document.fonts.ready")
    session = page.context.new_cdp_session(page)
    session.send("DOM.enable")
    session.send("CSS.enable")
    root = session.send("DOM.getDocument")["root"]["nodeId"]
    for selector in ("h1", "#view"):
        node = session.send("DOM.querySelector", {"nodeId": root, "selector": selector})["nodeId"]
        fonts = session.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
        assert {font["familyName"] for font in fonts} == {
            "Source Sans 3"
        }  # what the file of Source Sans Pro calls itself


def test_kafka_unavailable_is_shown_in_words(
    browser: Browser, start_ui: StartUi, mart: Connection, tmp_path: Path
) -> None:
    """Beside the live figures, which go on; and of a file: nothing was sent, and the same one may be sent again."""
    ui = start_ui(KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
    wait_ready(ui)
    add(mart, 0.9)
    for page in opened(browser, ui.url):
        send(page, write_csv(tmp_path / "transactions.csv", GOOD_ROW))
        expect(page.locator("#headline")).to_contain_text(
            "Kafka не отвечает: отправлено 0 из 1 строки.", timeout=30_000
        )
        expect(page.get_by_role("button", name="Отправить в Kafka")).to_be_enabled()
        expect(open_live(page)).to_contain_text("Kafka не отвечает", timeout=15_000)
        expect(page.locator("#live-table tbody tr")).to_have_count(1)
    with urllib.request.urlopen(f"{ui.url}/healthz", timeout=10) as answer:  # noqa: S310
        assert orjson.loads(answer.read()) == {"status": "ok", "database": "up", "kafka": "unavailable"}


@pytest.mark.slow
def test_the_page_stops_when_asked(browser: Browser, start_ui: StartUi, mart: Connection) -> None:
    """SIGTERM ends it with exit code 0, though a browser is connected; there, its figures are not passed off as new."""
    ui = start_ui()
    wait_ready(ui)
    add(mart, 0.9)
    for page in opened(browser, ui.url):
        open_live(page)
        expect(page.locator("#live-table tbody tr")).to_have_count(1, timeout=15_000)
        assert ui.process.terminate(30) == 0
        expect(page.locator("#live-fresh")).to_contain_text("Страница не отвечает", timeout=30_000)
    assert '"event": "page_closed"' in ui.process.text()
    assert "Traceback" not in ui.process.text()


@pytest.mark.slow
def test_a_link_without_a_login_is_refused(start_ui: StartUi) -> None:
    """One line says what is missing, and the exit code is not 0."""
    ui = start_ui(GRADIO_SHARE="1")
    assert ui.process.finish(60) == 1
    assert ui.process.text().count("\n") == 1
    assert "UI_USERNAME and UI_PASSWORD" in ui.process.text()


@pytest.mark.slow
def test_without_internet_the_page_goes_on_without_a_link(browser: Browser, start_ui: StartUi) -> None:
    """One line in the log; the page asks for its login and serves."""
    ui = start_ui(
        GRADIO_SHARE="1", UI_USERNAME="ada", UI_PASSWORD="secret", GRADIO_SHARE_SERVER_ADDRESS="127.0.0.1:1",
        HTTPS_PROXY="http://127.0.0.1:1",
    )  # fmt: skip
    wait_ready(ui)
    wait_for(lambda: "share_link_failed" in ui.process.text(), 20, ui.process.text)
    assert ui.process.text().count("share_link") == 1
    with visit(browser) as page:
        page.goto(ui.url)
        page.locator("input").nth(0).fill("ada")
        page.locator("input").nth(1).fill("secret")
        page.locator("button").first.click()
        expect(page.get_by_role("button", name="Посмотреть результаты")).to_be_visible(timeout=30_000)
