"""What holds for every tab: accessible, in both languages, by keyboard, on a phone, in the dark."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import axe_playwright_python  # type: ignore[import-untyped]  # it has no stubs
import pytest
from playwright.sync_api import Browser, Page, expect
from psycopg.types.json import Jsonb

from tests.support.page import Connection, Ui, add, opened

pytest_plugins = ["tests.support.page_fixtures"]
pytestmark = pytest.mark.slow

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
GRAVE = {"serious", "critical"}
STANDS_THERE = {
    "check": "#plot svg.marks",
    "live": "#live-table tbody tr",
    "uploads": "#uploads tbody tr",
    "cases": "#case-reasons .reasons li",
    "whatif": "#whatif-plot svg.marks",
    "payment": "#pay-amount input",
}
"""Tab -> what is in sight once it has settled."""
EMPTY_PLOT = "[aria-label='Empty value']:visible"
"""What Gradio shows in the place of a chart until its first one has come."""


@pytest.fixture
def furnished(mart: Connection) -> Connection:
    """A mart with something for every tab: a history, a flagged transaction with its reasons, a file."""
    add(mart, 0.1, 0.2, 0.9)
    mart.execute("update transactions set customer = 'Ada|Example|1 Test Lane', city = 'Nowhere'")
    mart.execute("update transactions set event_time = '2020-06-20 10:00' where transaction_id <> 'p-2'")
    reasons = [{"feature": "mean", "direction": "up", "size": 3.1, "values": {"amount_over_mean": 28.8}}]
    mart.execute("insert into alerts values ('p-2', %s, 'test-7', 0.37, now(), 0, 0)", [Jsonb(reasons)])
    mart.execute("truncate uploads, upload_rows")
    mart.execute(
        "insert into uploads (upload_id, file_name, bytes, analyst, state, rows, refused, sent) values"
        " (gen_random_uuid(), 'march.csv', 10, 'local', 'cancelled', 5, 2, 1)"
    )
    return mart


def walk(page: Page) -> Iterator[str]:
    """Open every tab and yield its name when it has settled; in the analysts' a case is open."""
    for name, sign in STANDS_THERE.items():
        page.locator(f"[role=tab][data-tab-id={name}]").click()
        if name == "check":
            page.locator("#view").click()
        if name == "cases":
            page.locator("#queue .open-case").first.click()
        expect(page.locator(sign).first).to_be_visible()
        expect(page.locator(EMPTY_PLOT)).to_have_count(0)
        yield name


def grave_faults(page: Page) -> list[Any]:
    """Return what axe-core finds serious or critical in the page as it is."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        (fault["id"], node["html"][:200], node["failureSummary"])
        for fault in found["violations"]
        if fault["impact"] in GRAVE
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize(
    ("path", "width"),
    [
        pytest.param("/", 1280, id="ru"),
        pytest.param("/en?__theme=dark", 1280, id="en-dark"),
        pytest.param("/?__theme=dark", 390, id="phone"),
    ],
)
def test_axe_finds_nothing_serious(browser: Browser, ui: Ui, furnished: Connection, path: str, width: int) -> None:
    """In each tab, with data in it: contrast, names of fields, order of headings, roles."""
    for page in opened(browser, ui.url + path, viewport={"width": width, "height": 900}):
        assert {name: faults for name in walk(page) if (faults := grave_faults(page))} == {}


def test_the_console_is_silent(page: Page, furnished: Connection) -> None:
    """No tab makes the browser warn of anything, nor report an error."""
    said: list[str] = []
    other = page.context.new_page()  # heard from its first line on, and not after a reload, which aborts what loads
    other.on("console", lambda line: said.append(line.text) if line.type in {"warning", "error"} else None)
    other.goto(page.url)
    expect(other.locator("h1")).to_be_visible()
    for name in walk(other):
        assert said == [], name


def test_no_heading_is_said_twice(page: Page, furnished: Connection) -> None:
    """What a section, a part of it, a table and a chart are called differs wherever it can be seen."""
    furnished.execute("insert into model_spans values ('0/0', 0, 0, 'test-7', 'x', 0.37, now(), 0, 0)")
    furnished.execute(
        "insert into shadow_tallies values ('0/9', 'test-7', 'c3', 10, 2, 1, 0, 0, 0, 1, .5, .1, now(), 0, 9)"
    )
    for name in walk(page):
        for words in page.evaluate(HEADINGS):
            assert len(words) == len(set(words)), (name, words)


HEADINGS = """() => [...document.querySelectorAll('.card')].map(card =>
    [...card.querySelectorAll('h2, h3, caption, figcaption, .role-title-text text')]
        .filter(one => one.checkVisibility()).map(one => one.textContent.trim().toLowerCase()))
"""
"""The headings in sight, one list a section."""


def test_english_has_no_russian_in_it(browser: Browser, ui: Ui, furnished: Connection) -> None:
    """The link to the other language is all there is of it."""
    for page in opened(browser, f"{ui.url}/en", locale="en-US"):
        for name in walk(page):
            assert re.findall(r"[А-Яа-яЁё]+", page.locator("body").inner_text()) == ["Русский"], name


def test_russian_has_no_english_in_it(page: Page, furnished: Connection) -> None:
    """But for what is called so in both: formats, products, and the words of the data."""
    known = set(re.findall(r"\w+", KNOWN_IN_BOTH))
    progress = page.locator(".wrap.hide").first  # Gradio's, in English, and for moments only
    expect(progress).to_be_attached()
    expect(progress).to_be_hidden()
    for name in walk(page):
        found = set(re.findall(r"[A-Za-z]{2,}", page.locator("body").inner_text()))
        assert found - known == set(), name


KNOWN_IN_BOTH = """
English CSV UTF cp Kafka PSI fraud scoring flag Excel tsv txt gz zip
shopping net TX Kilback LLC test march csv Nowhere grocery
"""


def test_on_a_phone_nothing_runs_off_the_screen(browser: Browser, ui: Ui, furnished: Connection) -> None:
    """At 390 pixels every tab fits, rows become cards, and every tab's name is in sight."""
    for page in opened(browser, ui.url, viewport={"width": 390, "height": 844}):
        for name in walk(page):
            assert page.evaluate("document.documentElement.scrollWidth") == 390, name
            expect(page.locator("[role=tabpanel] .sheet.transactions thead:visible")).to_have_count(0)
        for tab in page.locator("#tabs .tab-container:not(.visually-hidden) [role=tab]").all():
            box = tab.bounding_box()
            assert box
            assert 0 <= box["x"] <= box["x"] + box["width"] <= 390


def test_a_verdict_is_given_by_keyboard_alone(page: Page, furnished: Connection) -> None:
    """From the results to the verdict by Tab and Enter; wherever the focus is, it can be seen."""
    reach(page, "#view")
    page.keyboard.press("Enter")
    expect(page.locator("#flagged tbody tr")).to_have_count(1)
    reach(page, "#flagged .open-case")
    page.keyboard.press("Enter")
    expect(page.locator("#case-head")).to_contain_text("1 995,70")
    expect(page.locator("#case")).to_be_focused()
    reach(page, "#case-comment textarea")
    page.keyboard.type("called: lost card")
    reach(page, "#give-fraud")
    page.keyboard.press("Enter")
    expect(page.locator("#case-message")).to_contain_text("фрод подтверждён")
    assert furnished.execute("select verdict, comment from verdicts").fetchall() == [("fraud", "called: lost card")]


def test_the_live_view_is_worked_by_keyboard(page: Page, furnished: Connection) -> None:
    """The tab, the switch, the filters, the scale and the names."""
    reach(page, "[data-tab-id=live]")
    page.keyboard.press("Enter")
    expect(page.locator("#live-table tbody tr")).to_have_count(1)
    for place in ("#live-on", "#filter-state", "#filter-category", "#filter-merchant", "#scale", "#live-names"):
        reach(page, f"{place} input")


def reach(page: Page, selector: str) -> None:
    """Press Tab until the focus is there; fail if it never comes there or cannot be seen on its way."""
    for _ in range(60):
        page.keyboard.press("Tab")
        place, is_seen, is_there = page.evaluate(WHERE, selector)
        assert is_seen, f"the focus cannot be seen at {place}"
        if is_there:
            return
    pytest.fail(f"Tab never reaches {selector}")


WHERE = """selector => {
    const at = document.activeElement, ring = (one) => {
        const style = getComputedStyle(one);
        return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
    };
    const around = at.closest('.wrap');
    return [at.outerHTML.slice(0, 120), at === document.body || ring(at) || (around !== null && ring(around)),
            at.matches(selector)];
}"""
