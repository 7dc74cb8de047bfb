"""`python -m tests.picture`: the README's picture, docs/page.png, from the page that runs at UI_PORT.

What the page shows is what flows through it meanwhile: stream or send some transactions first.
"""

import shutil
import sys

from playwright.sync_api import expect, sync_playwright

from stack.plan import page_address
from stack.settings import StackSettings
from tests.support.page import BROWSER_FLAGS
from tests.support.processes import ROOT

WIDTH = 1280
BELOW = 12
SETTLED_MS = 5_000


def main() -> int:
    """Open the live view and keep what it looks like, down to its charts."""
    address = page_address(StackSettings.read())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=BROWSER_FLAGS)
        page = browser.new_page(locale="ru-RU", viewport={"width": WIDTH, "height": 1_200}, device_scale_factor=1.5)
        page.goto(address)
        page.locator("[role=tab][data-tab-id=live]").click()
        expect(page.locator("#live-table tbody tr").first).to_be_visible(timeout=30_000)
        page.wait_for_timeout(SETTLED_MS)
        charts = page.locator("#window").bounding_box()
        assert charts, "the charts are in sight: the list below them is"
        height = charts["y"] + charts["height"] + BELOW
        page.screenshot(path=ROOT / "docs" / "page.png", clip={"x": 0, "y": 0, "width": WIDTH, "height": height})
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
