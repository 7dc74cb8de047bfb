"""The list of files in a real browser: states, cancelling, several readers, scores to download."""

import csv
import io
import re
import threading
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.contracts import FIELDS
from tests.support.other_contracts import SHIPPED
from tests.support.page import (
    GOOD_ROW,
    Connection,
    StartUi,
    Ui,
    opened,
    rss_mb,
    send,
    sent_ids,
    wait_ready,
    write_csv,
)
from tests.support.processes import wait_for
from tests.support.quotas import slow_for_producers
from ui.files.download import ScoresFile

pytest_plugins = ["tests.support.page_fixtures"]

WITHIN = 30_000


@pytest.fixture(autouse=True)
def empty_journal(mart: Connection) -> None:
    """Each test begins without uploads."""
    mart.execute("truncate uploads, upload_rows")


def rows_of(number: int) -> list[tuple[str, ...]]:
    return [(*GOOD_ROW[:3], f"{place}.75", *GOOD_ROW[4:]) for place in range(1, number + 1)]


def open_files(page: Page) -> None:
    page.get_by_role("tab", name="Файлы").click()


@pytest.mark.slow
def test_no_file_is_shown_in_words(page: Page) -> None:
    """No empty table."""
    open_files(page)
    expect(page.locator("#uploads")).to_contain_text("Файлов ещё не отправляли", timeout=WITHIN)


def test_what_became_of_a_file(page: Page, kafka: str, mart: Connection, tmp_path: Path) -> None:
    """Rows, refused, sent, scored and state; it goes on by itself until the last score."""
    before = sent_ids(kafka)
    bad = (*GOOD_ROW[:3], "much", *GOOD_ROW[4:])
    send(page, write_csv(tmp_path / "transactions.csv", *rows_of(4), bad))
    expect(page.locator("#headline")).to_contain_text("Готово: 4 строки", timeout=WITHIN)
    open_files(page)
    cells = page.locator("#uploads tbody tr").first.locator("td")
    shown = ["transactions.csv", "без входа", "5", "1", "4", "0", "ждёт оценок", "Скачать CSV"]
    expect(cells).to_have_text([re.compile(r"\d\d\.\d\d\.\d{4} \d\d:\d\d"), *shown], timeout=WITHIN)
    for key in sent_ids(kafka, before):
        mart.execute("insert into scores values (%s, 0.9, 1, now(), 0, 0)", [key])
    expect(cells.nth(6)).to_have_text("4", timeout=WITHIN)
    expect(cells.nth(7)).to_have_text("оценён")


def test_a_file_goes_on_though_its_page_is_closed(
    browser: Browser, ui: Ui, kafka: str, mart: Connection, tmp_path: Path
) -> None:
    """All rows of it, and they are in the list of files. Kafka is slow, so that there is a middle to leave in."""
    rows = [(*row[:7], "2 Closed Lane", *row[8:]) for row in rows_of(10_000)]
    with slow_for_producers(kafka, 100_000):
        for page in opened(browser, ui.url):
            send(page, write_csv(tmp_path / "closed.csv", *rows))
            expect(page.locator("#headline")).to_contain_text("Страницу можно закрыть", timeout=WITHIN)
        assert mart.execute("select state in ('reading', 'sending') from uploads").fetchall() == [(True,)]
    wait_for(lambda: mart.execute("select state, sent from uploads").fetchall() == [("sent", 10_000)], 60)
    assert mart.execute("select sum(size) from upload_rows").fetchall() == [(10_000,)]


@pytest.mark.slow
def test_ids_that_other_transactions_have_are_a_choice_of_the_reader(
    page: Page, kafka: str, mart: Connection, tmp_path: Path
) -> None:
    """Refused and told at first; then sent under ids of their own, when that is chosen."""
    mart.execute("insert into transactions values ('own-1', '2020-01-01', 1, 'home', 'M', 'TX', 'Y', 'Z', 0, 0)")
    before, path = sent_ids(kafka), tmp_path / "own.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("transaction_id", *FIELDS), ("own-1", *GOOD_ROW), ("own-2", *GOOD_ROW)])
    send(page, path)
    expect(page.locator("#headline")).to_contain_text("уже есть у других транзакций: 1", timeout=WITHIN)
    assert sent_ids(kafka, before) == []

    page.get_by_text("Если номера из файла уже есть у других").click()
    page.get_by_label("отправить эти строки под новыми номерами").check()
    page.get_by_role("button", name="Отправить в Kafka").click()
    expect(page.locator("#headline")).to_contain_text("Готово: 2 строки", timeout=WITHIN)
    sent = sent_ids(kafka, before)
    assert len(sent) == 2
    assert "own-1" not in sent
    assert "own-2" in sent


@pytest.mark.slow
def test_a_refused_file_is_listed_with_its_reason(page: Page, tmp_path: Path) -> None:
    """Nothing of it was sent."""
    path = tmp_path / "empty.csv"
    path.touch()
    send(page, path)
    expect(page.locator("#headline")).to_contain_text("Файл пуст.", timeout=WITHIN)
    open_files(page)
    row = page.locator("#uploads tbody tr").first
    expect(row).to_contain_text("отклонён: Файл пуст.", timeout=WITHIN)
    expect(row.locator("a")).to_have_count(0)


def test_scores_are_downloaded_without_formulas(page: Page, kafka: str, mart: Connection, tmp_path: Path) -> None:
    """In the order of event time; a row without a score is empty; no cell begins a formula."""
    before = sent_ids(kafka)
    path = tmp_path / "own.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["transaction_id", *FIELDS])
        writer.writerow(["=1+1", "2020-06-21 22:16", "=cmd|'/c calc'!A0", *GOOD_ROW[2:]])
        writer.writerow(["plain", *GOOD_ROW])
    send(page, path)
    expect(page.locator("#headline")).to_contain_text("Готово: 2 строки", timeout=WITHIN)
    assert sent_ids(kafka, before) == ["plain", "=1+1"]
    mart.execute("insert into scores values ('=1+1', 0.000007, 0, now(), 0, 0)")
    mart.execute(
        "insert into transactions values"
        " ('=1+1', '2020-06-21 22:16', 995.7, 'shopping_net', '=cmd|''/c calc''!A0', 'TX', 'Y', 'Z', 0, 0)"
    )
    open_files(page)
    link = page.locator("#uploads a").first
    expect(link).to_be_visible(timeout=WITHIN)
    with page.expect_download() as started:
        link.click()
    assert started.value.suggested_filename == "own.scores.csv"
    started.value.save_as(tmp_path / "scores.csv")
    written = (tmp_path / "scores.csv").read_bytes()
    assert written.startswith(b"\xef\xbb\xbf")
    head, first, second = csv.reader(io.StringIO(written.decode("utf-8-sig")), delimiter=";")
    assert head == list(ScoresFile(SHIPPED).header)
    assert first == ["plain", "", "", "", "", "", "", ""]
    shown = ["'=1+1", "2020-06-21 22:16", "995,7", "shopping_net", "'=cmd|'/c calc'!A0", "TX", "0,000007", "0"]
    assert second == shown
    page.get_by_role("link", name="English").click()
    page.get_by_role("tab", name="Files").click(timeout=WITHIN)
    with page.expect_download() as started:
        page.locator("#uploads a").first.click(timeout=WITHIN)
    started.value.save_as(tmp_path / "english.csv")
    *_, last = csv.reader(io.StringIO((tmp_path / "english.csv").read_text(encoding="utf-8-sig")))
    assert last == [cell.replace(",", ".") if cell[:1].isdigit() else cell for cell in shown]


def test_an_upload_can_be_cancelled(page: Page, mart: Connection, tmp_path: Path) -> None:
    """What was sent stays sent, and the file can be sent again."""
    send(page, write_csv(tmp_path / "long.csv", *rows_of(300_000)))
    page.locator("#cancel").click(timeout=WITHIN)
    expect(page.locator("#headline")).to_contain_text("Отменено", timeout=WITHIN)
    expect(page.locator("#cancel")).to_be_hidden()
    expect(page.get_by_role("button", name="Отправить в Kafka")).to_be_enabled()
    open_files(page)
    expect(page.locator("#uploads tbody tr").first).to_contain_text("отменён", timeout=WITHIN)
    assert mart.execute("select sent < 300000 from uploads").fetchall() == [(True,)]


@pytest.mark.slow
def test_several_readers_send_at_once(browser: Browser, ui: Ui, kafka: str, tmp_path: Path) -> None:
    """Each sees its own file's way; every row of every file is sent."""
    before = sent_ids(kafka)
    readers = [opened(browser, ui.url) for _ in range(5)]
    pages = [next(reader) for reader in readers]
    for number, page in enumerate(pages, 1):
        rows = [(*row[:7], f"{number} Street", *row[8:]) for row in rows_of(100 * number)]
        send(page, write_csv(tmp_path / f"reader-{number}.csv", *rows))
    for number, page in enumerate(pages, 1):
        expect(page.locator("#headline")).to_contain_text(f"Готово: {100 * number} строк", timeout=WITHIN)
    open_files(pages[0])
    expect(pages[0].locator("#uploads tbody tr")).to_have_count(5, timeout=WITHIN)
    assert len(set(sent_ids(kafka, before))) == 1_500
    for reader in readers:
        assert next(reader, None) is None


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_a_million_rows_do_not_fill_the_memory(
    browser: Browser, start_ui: StartUi, mart: Connection, tmp_path: Path
) -> None:
    """The page's memory grows by less than 300 MB while a file of 180 MB goes through it."""
    ui = start_ui()
    wait_ready(ui)
    path = tmp_path / "million.csv"
    line = ",".join(f'"{cell}"' if "," in cell else cell for cell in GOOD_ROW) + "\n"
    with path.open("w") as file:
        file.write(",".join(FIELDS) + "\n")
        for _ in range(1_000):
            file.write(line * 1_000)
    most, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            most[0] = max(most[0], rss_mb(ui))

    before = rss_mb(ui)
    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    for page in opened(browser, ui.url):
        send(page, path)
        expect(page.locator("#headline")).to_contain_text("Готово: 1\u00a0000\u00a0000 строк", timeout=240_000)
    done.set()
    watching.join()
    assert mart.execute("select sum(size) from upload_rows").fetchall() == [(1_000_000,)]
    print(f"memory of the page: {before} MB before, {most[0]} MB at most")
    assert most[0] - before < 300
