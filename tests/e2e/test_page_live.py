"""The live view in a real browser, against a real Kafka and a real PostgreSQL; rows stand in for the scorer."""

import re

import pytest
from playwright.sync_api import Page, expect

from stack.servers import PostgresServer
from tests.support.messages import nested
from tests.support.page import TOPICS, Connection, Ui, add, open_live
from tests.support.topics import produce

pytest_plugins = ["tests.support.page_fixtures"]

WITHIN = 15_000


def refreshes(page: Page) -> list[str]:
    """Return a list that grows with every event the page sends to its server."""
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url) if "queue/join" in request.url else None)
    return found


@pytest.mark.slow
def test_an_empty_mart_is_described_in_words(page: Page) -> None:
    """What will be here, and what to do for it; no empty table."""
    open_live(page)
    expect(page.locator("#live-table")).to_contain_text("Пока ничего не оценено. Отправьте CSV", timeout=WITHIN)
    expect(page.locator("#live-table table")).to_have_count(0)


def test_figures_come_by_themselves(page: Page, mart: Connection) -> None:
    """Queue, rate, share, model, freshness; new transactions appear without a click."""
    figures = open_live(page)
    add(mart, *[0.9, 0.1, 0.1, 0.1] * 3)
    expect(figures).to_contain_text("25,00\u00a0%", timeout=WITHIN)
    expect(figures).to_contain_text("из последних 12")
    expect(figures).to_contain_text("test-7")
    expect(figures).to_contain_text("порог 0,37")
    expect(page.locator("#live-fresh")).to_have_text(re.compile(r"обновлено \d с назад"))
    expect(page.locator("#live-table tbody tr")).to_have_count(3)
    expect(page.locator("#live-categories tr")).to_contain_text(["shopping_net"])
    expect(page.locator("#live-categories tr")).to_contain_text(["3 из 12"])
    expect(page.locator("#timeline svg.shape polyline")).to_have_count(1)


def test_the_queue_is_what_nobody_has_scored(page: Page, kafka: str) -> None:
    """Messages without a scorer wait, and the page says for how long."""
    produce(kafka, TOPICS.transactions, [nested(f"waiting-{n}") for n in range(7)])
    figures = open_live(page)
    expect(figures).to_contain_text(re.compile(r"Транзакций в очереди\s*\d+\s*ждут"), timeout=WITHIN)


@pytest.mark.slow
def test_it_rests_while_it_is_not_looked_at(page: Page) -> None:
    """Another tab, or the switch, ends the refreshing; coming back begins it again."""
    open_live(page)
    expect(page.locator("#live-fresh")).to_contain_text("обновлено", timeout=WITHIN)
    sent = refreshes(page)
    page.wait_for_timeout(5_000)
    assert len(sent) >= 2
    page.get_by_role("tab", name="Проверка").click()
    page.wait_for_timeout(1_500)
    sent.clear()
    page.wait_for_timeout(5_000)
    assert sent == []
    page.get_by_role("tab", name="Сейчас").click()
    page.locator("#live-on input").uncheck()
    page.wait_for_timeout(1_500)
    sent.clear()
    page.wait_for_timeout(5_000)
    assert sent == []
    expect(page.locator("#live-fresh")).to_have_text(re.compile(r"обновлено [4-9] с назад"))
    page.locator("#live-on input").check()
    page.wait_for_timeout(6_000)
    assert len(sent) >= 2


def test_filters_leave_what_matches(page: Page, mart: Connection) -> None:
    """Shares, density and list follow them; cleared, everything is back."""
    add(mart, 0.9, 0.8, 0.1)
    mart.execute("update transactions set category = 'home', state = 'NY' where transaction_id = 'p-1'")
    open_live(page)
    rows = page.locator("#live-table tbody tr")
    expect(rows).to_have_count(2, timeout=WITHIN)
    page.locator("#filter-category input").click()
    page.get_by_role("option", name="home").click()
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("p-1")
    expect(page.locator("#live-window")).to_contain_text("По фильтрам: 1 из последних 3")
    page.keyboard.press("Escape")
    page.locator("#filter-score input[type=number]").fill("0.85")
    page.keyboard.press("Enter")
    page.locator("#filter-score input[type=range]").dispatch_event("pointerup")
    expect(page.locator("#live-table")).to_contain_text("под фильтры не подходит ни одна", timeout=WITHIN)
    page.locator("#filter-clear").click()
    expect(rows).to_have_count(2)


@pytest.mark.slow
def test_the_scale_can_be_linear(page: Page, mart: Connection) -> None:
    """A bar of one beside one of fifty is seen on the logarithmic scale only."""
    add(mart, *[0.01] * 50, 0.9)
    open_live(page)
    bar = page.locator("#density rect.above")
    expect(bar).to_have_count(1, timeout=WITHIN)
    tall = float(bar.get_attribute("height") or 0)
    page.locator("#scale input").uncheck()
    expect(bar).not_to_have_attribute("height", f"{tall:.2f}")
    assert float(bar.get_attribute("height") or 0) < tall / 3
    expect(bar.locator("title")).to_have_text("0,90–0,92: 1\u00a0транзакция")


def test_customers_are_masked_until_names_are_asked_for(page: Page, ui: Ui, mart: Connection) -> None:
    """No name reaches the browser before; that it was asked for is logged."""
    add(mart, 0.9)
    mart.execute("update transactions set customer = 'Ada|Example|1 Test Lane', city = 'Nowhere'")
    open_live(page)
    expect(page.locator("#live-table")).to_contain_text("A••• E•••", timeout=WITHIN)
    assert "Test Lane" not in page.content()
    page.locator("#live-names input").check()
    expect(page.locator("#live-table")).to_contain_text("Ada Example, 1 Test Lane, Nowhere")
    assert '"event": "names_shown"' in ui.process.text()


@pytest.mark.slow
def test_a_refresh_leaves_the_page_as_it_is(page: Page, mart: Connection) -> None:
    """Nothing flickers: the same elements stay, with their selection, and the page does not jump."""
    add(mart, 0.9, 0.8)
    open_live(page)
    rows = page.locator("#live-table tbody tr")
    expect(rows).to_have_count(2, timeout=WITHIN)
    page.evaluate(
        """() => {
            window.heights = new Set(); window.gone = 0;
            const table = document.querySelector('#live-table table');
            const look = () => {
                window.heights.add(document.documentElement.scrollHeight);
                window.gone += !table.isConnected;
                requestAnimationFrame(look);
            };
            look();
            getSelection().selectAllChildren(document.querySelector('#live-table td.merchant'));
        }"""
    )
    page.wait_for_timeout(6_500)
    assert page.evaluate("[window.heights.size, window.gone, getSelection().toString()]") == [1, 0, "Kilback LLC"]


@pytest.mark.slow
def test_a_database_outage_leaves_what_was_read(page: Page, mart: Connection, database: PostgresServer) -> None:
    """Figures stay, with their age, and go on by themselves afterwards."""
    add(mart, 0.9)
    open_live(page)
    expect(page.locator("#live-table tbody tr")).to_have_count(1, timeout=WITHIN)
    mart.close()
    database.stop()
    try:
        expect(page.locator("#live-now")).to_contain_text("База недоступна: показаны последние", timeout=30_000)
        expect(page.locator("#live-table tbody tr")).to_have_count(1)
        expect(page.locator("#live-fresh .stale")).to_be_visible(timeout=WITHIN)
    finally:
        database.start()
    expect(page.locator("#live-now")).not_to_contain_text("База недоступна", timeout=30_000)


@pytest.mark.slow
def test_the_models_and_the_shadow_are_shown(page: Page, mart: Connection) -> None:
    """Nothing yet; then the model in use and the one before it, and how the shadow agrees.

    The last test here: a page keeps the last model that it has read.
    """
    tab, card = page.get_by_role("tab", name="Порог"), page.locator("#models")
    tab.click()
    expect(card).to_contain_text("Пока не оценено ни одной транзакции", timeout=WITHIN)
    for place, version in enumerate(("a1", "b2", "b2")):
        mart.execute(
            "insert into model_spans values (%s, %s, 0, %s, 'x', 0.41, now(), 0, %s)",
            [f"{place}/0", place, version, place],
        )
    expect(open_live(page)).to_contain_text("b2", timeout=WITHIN)
    tab.click()
    expect(card.locator("tbody tr").first).to_contain_text("b2 (сейчас)", timeout=WITHIN)
    expect(card.locator("tbody tr")).to_have_count(2)
    expect(card).to_contain_text("Теневой модели нет")

    mart.execute(
        "insert into shadow_tallies values ('0/9', 'b2', 'c3', 1000, 24, 10, 2, 3, -5, 20, .75, .02, now(), 0, 9)"
    )
    open_live(page)
    tab.click()
    expect(card).to_contain_text("99,50\u00a0%", timeout=WITHIN)
    expect(card).to_contain_text("c3 рядом с b2: 1\u00a0000\u00a0транзакций")
    expect(card).to_contain_text("20,0 мкс на транзакцию")
