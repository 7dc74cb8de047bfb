"""Several readers look at the live view at once; READERS=20 for as many as in docs/experiments.md."""

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.page import Connection, Ui, add, cpu_seconds, opened, rss_mb

pytest_plugins = ["tests.support.page_fixtures"]

READERS = int(os.environ.get("READERS", "10"))
SECONDS = 6
WINDOWS = 2

TAKE_TIMES = """() => {
    window.times = [];
    let asked = 0;
    const fetched = window.fetch;
    window.fetch = (...args) => {
        if (String(args[0]?.url ?? args[0]).includes('queue/join')) asked = performance.now();
        return fetched(...args);
    };
    let tick = document.querySelector('.fresh').dataset.tick;
    new MutationObserver(() => {
        const now = document.querySelector('.fresh')?.dataset.tick;
        if (!now || now === tick) return;
        tick = now;
        if (asked) window.times.push(performance.now() - asked);
        asked = 0;
    }).observe(document.querySelector('#live-fresh'), {subtree: true, childList: true, attributes: true});
}"""


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_readers_are_all_refreshed(browser: Browser, ui: Ui, mart: Connection) -> None:
    """From the question to the changed page; the database is asked once for all of them, as often as for one."""
    add(mart, *[0.9, 0.1, 0.2, 0.3] * 50)
    first = opened(browser, ui.url)
    pages = [opened_live(first)]
    for_one = least_asked(pages[0], mart)
    others = [opened(browser, ui.url) for _ in range(READERS - 1)]
    pages += [opened_live(reader) for reader in others]
    computed = cpu_seconds(ui)
    for_all = least_asked(pages[0], mart)
    computed = cpu_seconds(ui) - computed
    found = [page.evaluate("window.times") for page in pages]
    refreshed = [len(one) for one in found]
    times = sorted(milliseconds for one in found for milliseconds in one)
    for reader in (first, *others):
        assert next(reader, None) is None
    p95 = times[int(len(times) * 0.95)]
    middle = times[len(times) // 2]
    seconds = WINDOWS * SECONDS
    print(f"{len(times)} refreshes of {READERS} readers in {seconds} s: median {middle:.0f} ms, p95 {p95:.0f} ms")
    print(f"the page: {computed:.1f} s of a core, {1000 * computed / len(times):.1f} ms a refresh, {rss_mb(ui)} MB")
    print(f"the database in {SECONDS} s: {for_one} transactions for one reader, {for_all} for {READERS}")
    assert min(refreshed) > 0
    # A question of each reader every other second would be twice as many.
    assert for_all - for_one < READERS * SECONDS / 4


def opened_live(reader: Iterator[Page]) -> Page:
    """Open a page whose live view is in sight."""
    page = next(reader)
    page.get_by_role("tab", name="Сейчас").click()
    expect(page.locator("#live-table tbody tr").first).to_be_visible(timeout=30_000)
    page.evaluate(TAKE_TIMES)
    return page


def least_asked(page: Page, mart: Connection) -> int:
    """Return how many transactions of the database SECONDS take: the least, since a page that loads asks more."""
    asked = []
    for _ in range(WINDOWS):
        before = queries(mart)
        page.wait_for_timeout(SECONDS * 1_000)
        asked.append(queries(mart) - before)
    return min(asked)


def queries(mart: Connection) -> int:
    """Return how many transactions have been run in the database so far."""
    mart.execute("select pg_stat_force_next_flush()")
    found = mart.execute("select xact_commit from pg_stat_database where datname = current_database()").fetchall()
    return int(found[0][0])
