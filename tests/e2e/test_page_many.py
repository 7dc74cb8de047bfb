"""Twenty readers look at the live view at once."""

import pytest
from playwright.sync_api import Browser, expect

from tests.support.page import Connection, Ui, add, cpu_seconds, opened, rss_mb

pytest_plugins = ["tests.support.page_fixtures"]

READERS = 20
SECONDS = 20

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
def test_twenty_readers_are_all_refreshed(browser: Browser, ui: Ui, mart: Connection) -> None:
    """From the question to the changed page; the database is asked once for all of them."""
    add(mart, *[0.9, 0.1, 0.2, 0.3] * 50)
    readers = [opened(browser, ui.url) for _ in range(READERS)]
    pages = [next(reader) for reader in readers]
    for page in pages:
        page.get_by_role("tab", name="Сейчас").click()
        expect(page.locator("#live-table tbody tr").first).to_be_visible(timeout=30_000)
        page.evaluate(TAKE_TIMES)
    before, computed = queries(mart), cpu_seconds(ui)
    pages[0].wait_for_timeout(SECONDS * 1_000)
    asked, computed = queries(mart) - before, cpu_seconds(ui) - computed
    found = [page.evaluate("window.times") for page in pages]
    refreshed = [len(one) for one in found]
    times = sorted(milliseconds for one in found for milliseconds in one)
    for reader in readers:
        assert next(reader, None) is None
    p95 = times[int(len(times) * 0.95)]
    middle = times[len(times) // 2]
    print(f"{len(times)} refreshes of {READERS} readers in {SECONDS} s: median {middle:.0f} ms, p95 {p95:.0f} ms")
    print(f"the page: {computed:.1f} s of a core, {1000 * computed / len(times):.1f} ms a refresh, {rss_mb(ui)} MB")
    assert min(refreshed) > 0
    assert asked < 10 * SECONDS


def queries(mart: Connection) -> int:
    """Return how many transactions the page's role has run in the database so far."""
    mart.execute("select pg_stat_force_next_flush()")
    found = mart.execute("select xact_commit from pg_stat_database where datname = current_database()").fetchall()
    return int(found[0][0])
