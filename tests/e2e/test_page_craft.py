"""What holds for every tab: accessible, in both languages, by keyboard, on a phone, in the dark."""

import re
from pathlib import Path
from typing import Any

import axe_playwright_python  # type: ignore[import-untyped]  # it has no stubs
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.page import GOOD_ROW, Connection, Ui, add, opened, send, write_csv

pytest_plugins = ["tests.support.page_fixtures"]

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
GRAVE = {"serious", "critical"}
TABS = {"ru": ("Проверка", "Сейчас", "Файлы"), "en": ("Check", "Now", "Files")}
SETTLED_MS = 3_000


def grave_faults(page: Page) -> list[Any]:
    """Return what axe-core finds serious or critical in the page as it is."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [(fault["id"], fault["nodes"][0]["html"]) for fault in found["violations"] if fault["impact"] in GRAVE]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/en"], ids=["ru", "en"])
def test_axe_finds_nothing_serious(
    browser: Browser, ui: Ui, mart: Connection, tmp_path: Path, path: str, dark: bool
) -> None:
    """In each tab, with data in it, in both languages, light and dark."""
    add(mart, 0.9, 0.1, 0.2)
    for page in opened(browser, f"{ui.url}{path}{'?__theme=dark' if dark else ''}"):
        language = "en" if path == "/en" else "ru"
        if language == "ru":
            send(page, write_csv(tmp_path / "payments.csv", GOOD_ROW))
            expect(page.locator("#headline")).to_contain_text("Готово", timeout=30_000)
        page.locator("#view").click()
        expect(page.locator("#flagged tbody tr")).to_have_count(1)
        for tab in TABS[language]:
            page.get_by_role("tab", name=tab).click()
            page.wait_for_timeout(SETTLED_MS)
            assert grave_faults(page) == [], tab


def test_english_has_no_russian_in_it(browser: Browser, ui: Ui, mart: Connection) -> None:
    """Nor the other way round: the link to the other language is all there is of it."""
    add(mart, 0.9, 0.1)
    for page in opened(browser, f"{ui.url}/en", locale="en-US"):
        for tab in TABS["en"]:
            page.get_by_role("tab", name=tab).click()
            page.wait_for_timeout(SETTLED_MS)
            assert re.findall(r"[А-Яа-яЁё]+", page.locator("body").inner_text()) == ["Русский"], tab


def test_on_a_phone_nothing_runs_off_the_screen(browser: Browser, ui: Ui, mart: Connection) -> None:
    """At 390 pixels every tab fits; tables become cards."""
    add(mart, 0.9, 0.1)
    for page in opened(browser, ui.url, viewport={"width": 390, "height": 844}):
        for tab in TABS["ru"]:
            page.get_by_role("tab", name=tab).click()
            page.wait_for_timeout(SETTLED_MS)
            assert page.evaluate("document.documentElement.scrollWidth") == 390, tab
        page.get_by_role("tab", name="Сейчас").click()
        expect(page.locator("#live-table thead")).to_be_hidden()


def test_the_live_view_is_worked_by_keyboard(page: Page, mart: Connection) -> None:
    """To the tab, the switch, the filters and the names by Tab and Enter alone."""
    add(mart, 0.9)
    page.get_by_role("tab", name="Проверка").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#live-table tbody tr")).to_have_count(1, timeout=15_000)
    reached = set()
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.closest('[id]:not(svg)')?.id || ''"))
    assert {"live-on", "filter-state", "filter-category", "filter-merchant", "scale", "live-names"} <= reached
