"""Leaving the page while a file is sent, its other language, stopping it: nothing is lost and nothing doubled."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.page import (
    GOOD_ROW,
    Connection,
    StartUi,
    add,
    opened,
    send,
    sent_ids,
    view,
    wait_ready,
    write_csv,
)
from tests.support.quotas import slow_for_producers

pytest_plugins = ["tests.support.page_fixtures"]
pytestmark = pytest.mark.slow

WITHIN = 30_000
MANY = 40_000
BYTES_A_SECOND = 150_000


@pytest.fixture(scope="module", autouse=True)
def slow_kafka(kafka: str) -> Iterator[None]:
    """Kafka takes seconds for a file however fast the machine is, so that who leaves in the middle finds a middle."""
    with slow_for_producers(kafka, BYTES_A_SECOND):
        yield


@pytest.fixture(autouse=True)
def empty_journal(mart: Connection) -> None:
    """Each test begins without uploads."""
    mart.execute("truncate uploads, upload_rows")


def long_file(folder: Path, name: str, street: str) -> Path:
    """Write a file of MANY rows; the street distinguishes them from those of other files."""
    numbered = [(*GOOD_ROW[:3], f"{row}.75", *GOOD_ROW[4:7], street, *GOOD_ROW[8:]) for row in range(1, MANY + 1)]
    return write_csv(folder / name, *numbered)


def ended(mart: Connection) -> list[tuple[str, int]]:
    """Return how the uploads ended and how many rows each sent, the earliest first."""
    found = mart.execute("select state, sent from uploads order by started_at").fetchall()
    return [(str(state), int(str(sent))) for state, sent in found if state not in {"reading", "sending"}]


def tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def other_language(page: Page, name: str, ready: str) -> None:
    page.get_by_role("link", name=name).click()
    expect(page.get_by_role("button", name=ready)).to_be_visible(timeout=WITHIN)


def test_the_language_link_goes_on_with_the_upload(page: Page, mart: Connection, tmp_path: Path) -> None:
    """The other language shows how far the same upload is, and its end; and back."""
    send(page, long_file(tmp_path, "both.csv", "3 Both Lane"))
    expect(page.locator("#headline progress")).to_be_visible(timeout=WITHIN)
    other_language(page, "English", "Send to Kafka")
    expect(page.locator("#headline")).to_contain_text(re.compile("Reading and checking|Sent"), timeout=WITHIN)
    expect(page.locator("#csv")).to_contain_text("both")
    expect(page.locator("#cancel")).to_be_visible()
    expect(page.locator("#headline")).to_contain_text("Done: 40,000 rows in Kafka", timeout=60_000)
    expect(page.locator("#scored")).to_contain_text("Scored 0 of 40,000", timeout=WITHIN)
    expect(page.get_by_role("button", name="Send to Kafka")).to_be_enabled()
    other_language(page, "Русский", "Отправить в Kafka")
    expect(page.locator("#headline")).to_contain_text("Готово: 40\u00a0000 строк в Kafka", timeout=WITHIN)
    expect(page.locator("#report dd").first).to_have_text("40\u00a0000")
    assert ended(mart) == [("sent", MANY)]


def test_an_upload_is_seen_and_cancelled_from_anywhere(
    browser: Browser, page: Page, mart: Connection, tmp_path: Path
) -> None:
    """Another reader, in the other language, sees its progress; its own page shows the end."""
    send(page, long_file(tmp_path, "seen.csv", "4 Seen Lane"))
    for other in opened(browser, page.url.rstrip("/") + "/en"):
        tab(other, "Files")
        job = other.locator("#under-way .job")
        expect(job).to_contain_text("seen.csv", timeout=WITHIN)
        expect(job).to_contain_text(re.compile(r"Sent [1-9][\d,]* of 40,000"), timeout=60_000)
        job.get_by_role("button", name="Cancel").click()
        expect(job).to_have_count(0, timeout=WITHIN)
        expect(other.locator("#uploads tbody tr").first).to_contain_text("cancelled", timeout=WITHIN)
    expect(page.locator("#headline")).to_contain_text("Отменено", timeout=WITHIN)
    [(state, sent)] = ended(mart)
    assert state == "cancelled"
    assert 0 < sent < MANY


def test_the_language_link_keeps_what_is_on_the_page(page: Page, mart: Connection, tmp_path: Path) -> None:
    """The chosen file, the results, the filters, the open case with its comment, the threshold, the form, the tab."""
    add(mart, 0.9, 0.1)
    page.set_input_files("input[type=file]", write_csv(tmp_path / "chosen.csv", GOOD_ROW))
    expect(page.get_by_role("button", name="Отправить в Kafka")).to_be_enabled(timeout=WITHIN)
    view(page)
    expect(page.locator("#flagged tbody tr")).to_have_count(1, timeout=WITHIN)
    tab(page, "Порог")
    expect(page.locator("#whatif-table table")).to_be_visible(timeout=WITHIN)
    page.locator("#whatif-threshold input[type=number]").fill("0.123456")
    expect(page.locator("#whatif-table thead")).to_contain_text("0,123456", timeout=WITHIN)
    tab(page, "Одна транзакция")
    page.locator("#pay-amount textarea, #pay-amount input").fill("77.01")
    page.locator("#pay-transaction_time textarea, #pay-transaction_time input").fill("2020-01-02 03:04")
    tab(page, "Разбор")
    page.locator("#queue [data-case]").first.click()
    page.locator("#case-comment textarea").fill("asked the bank")
    expect(page.locator("#case-head")).to_contain_text("p-0", timeout=WITHIN)

    page.get_by_role("link", name="English").click()

    expect(page.locator("#case-head")).to_contain_text("p-0", timeout=WITHIN)
    expect(page.get_by_role("tab", name="Review")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#case-comment textarea")).to_have_value("asked the bank")
    tab(page, "Threshold")
    expect(page.locator("#whatif-threshold input[type=number]")).to_have_value("0.123456", timeout=WITHIN)
    tab(page, "Single transaction")
    expect(page.locator("#pay-amount textarea, #pay-amount input")).to_have_value("77.01")
    moment = page.locator("#pay-transaction_time textarea, #pay-transaction_time input")
    expect(moment).to_have_value("2020-01-02 03:04")
    tab(page, "Check")
    expect(page.locator("#csv")).to_contain_text("chosen")
    expect(page.locator("#flagged tbody tr")).to_have_count(1)
    expect(page.locator("#flagged")).to_contain_text("Transaction ID")
    page.get_by_role("button", name="Send to Kafka").click()
    expect(page.locator("#headline")).to_contain_text("Done: 1 row in Kafka", timeout=WITHIN)
    assert page.evaluate("sessionStorage.length") == 0


def test_the_language_link_keeps_the_filters(page: Page, mart: Connection) -> None:
    """Of the live view, with what can be chosen."""
    add(mart, 0.9, 0.1)
    mart.execute("update transactions set state = 'NY' where transaction_id = 'p-1'")
    tab(page, "Сейчас")
    page.locator("#filter-state input").click(timeout=WITHIN)
    page.get_by_role("option", name="NY").click(timeout=WITHIN)
    expect(page.locator("#live-window")).to_contain_text("1", timeout=WITHIN)
    page.get_by_role("link", name="English").click()
    expect(page.locator("#filter-state")).to_contain_text("NY", timeout=WITHIN)
    expect(page.locator("#live-window")).to_contain_text("1 of", timeout=WITHIN)


@pytest.mark.timeout(300)
def test_a_stopped_page_loses_and_doubles_nothing(
    browser: Browser, start_ui: StartUi, kafka: str, mart: Connection, tmp_path: Path
) -> None:
    """It ends within seconds; the same file, sent again to the next one, brings what was missing under the same ids."""
    before, file = sent_ids(kafka), long_file(tmp_path, "stopped.csv", "5 Stopped Lane")
    first = start_ui()
    wait_ready(first)
    for page in opened(browser, first.url):
        send(page, file)
        expect(page.locator("#headline")).to_contain_text("Отправлено", timeout=WITHIN)
        assert first.process.terminate(30) == 0  # what docker-compose.yml gives before a kill
    [(state, sent)] = ended(mart)
    assert state == "interrupted"
    assert 0 <= sent < MANY
    assert len(set(sent_ids(kafka, before))) >= sent
    second = start_ui()
    wait_ready(second)
    for page in opened(browser, second.url):
        send(page, file)
        expect(page.locator("#headline")).to_contain_text("Готово: 40\u00a0000 строк", timeout=60_000)
    assert len(set(sent_ids(kafka, before))) == MANY
    assert ended(mart)[1] == ("sent", MANY)
