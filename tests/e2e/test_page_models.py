"""The section on models in a real browser; rows stand in for the scorers."""

import pytest
from playwright.sync_api import Page, expect

from tests.support.page import Connection

pytest_plugins = ["tests.support.page_fixtures"]

WITHIN = 15_000


@pytest.mark.slow
def test_the_models_and_the_shadow_are_shown(page: Page, mart: Connection) -> None:
    """Nothing yet; then the model in use and the one before it, and how the shadow agrees."""
    tab, card = page.get_by_role("tab", name="Порог"), page.locator("#models")
    tab.click()
    expect(card).to_contain_text("Пока не оценено ни одной транзакции", timeout=WITHIN)
    for place, version in enumerate(("a1", "b2", "b2")):
        mart.execute(
            "insert into model_spans values (%s, %s, 0, %s, 'x', 0.41, now(), 0, %s)",
            [f"{place}/0", place, version, place],
        )
    page.get_by_role("tab", name="Сейчас").click()
    expect(page.locator("#live-now dl")).to_contain_text("b2", timeout=WITHIN)
    tab.click()
    expect(card.locator("tbody tr").first).to_contain_text("b2 (сейчас)", timeout=WITHIN)
    expect(card.locator("tbody tr")).to_have_count(2)
    expect(card).to_contain_text("Теневой модели нет")

    mart.execute(
        "insert into shadow_tallies values ('0/9', 'b2', 'c3', 1000, 24, 10, 2, 3, -5, 20, .75, .02, now(), 0, 9)"
    )
    page.get_by_role("tab", name="Сейчас").click()
    tab.click()
    expect(card).to_contain_text("99,50\u00a0%", timeout=WITHIN)
    expect(card).to_contain_text("c3 рядом с b2: 1\u00a0000\u00a0транзакций")
    expect(card).to_contain_text("20,0 мкс на транзакцию")
