"""The page of another contract: consumer loans, with neither time nor key, amount, merchant nor state."""

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from psycopg.types.json import Jsonb

from services.common.settings import project_root
from tests.support.page import Connection, StartUi, opened, wait_ready

pytest_plugins = ["tests.support.page_fixtures"]

WITHIN = 30_000
CONTRACT = """
format = 1
name = "consumer loans"

[record]
id = "loan_id"

[fields]
income = { type = "number", personal = true, label = { en = "Income", ru = "Доход" } }
purpose = { type = "text", values = ["car", "home"], label = { en = "Purpose", ru = "Цель" } }

[roles]
category = "purpose"

[features]
income_log = { log1p = "income", group = "income" }
purpose = { code = "purpose" }
"""


@pytest.mark.slow
def test_the_page_shows_what_the_contract_has(
    browser: Browser, start_ui: StartUi, mart: Connection, tmp_path: Path
) -> None:
    """Columns, filters, case and reasons by roles and labels; what is personal is masked; nothing else is there."""
    for name in ("manifest.json", "curve.json"):
        shutil.copy(project_root() / "onnx" / name, tmp_path)
    (tmp_path / "contract.toml").write_text(CONTRACT, encoding="utf-8")
    loans = start_ui(UI_MANIFEST=str(tmp_path / "manifest.json"))
    wait_ready(loans)
    mart.execute("insert into scores values ('l-1', 0.9, 1, now(), 0, 0)")
    mart.execute(
        "insert into transactions (transaction_id, category, src_partition, src_offset) values ('l-1', 'car', 0, 0)"
    )
    reasons = [
        {"feature": "income", "direction": "up", "size": 2.0, "values": {"income_log": 10.4}},
        {"feature": "purpose", "direction": "up", "size": 1.0, "values": {"purpose": "car"}},
    ]
    mart.execute("insert into alerts values ('l-1', %s, 'test-7', 0.41, now(), 0, 0)", [Jsonb(reasons)])

    for page in opened(browser, loans.url):
        page.get_by_role("tab", name="Сейчас").click()
        heads = page.locator("#live-table thead th")
        expect(heads).to_have_text(["Оценена", "Цель", "Оценка", "Номер транзакции"], timeout=WITHIN)
        expect(page.locator("#filter-category")).to_contain_text("Цель")
        for absent in ("#filter-state", "#filter-merchant", "#live-names"):
            expect(page.locator(absent)).to_have_count(0)
        page.locator("#live-table [data-case=l-1]").click()
        expect(page.locator("#case-head")).to_contain_text("Цель", timeout=WITHIN)
        expect(page.locator("#case-head")).not_to_contain_text(re.compile("Клиент|Место|Магазин|Сумма"))
        expect(page.locator("#case-reasons li")).to_contain_text(["Доход: •••", "Категория car"])
        expect(page.locator("#case")).not_to_contain_text("Предыдущие транзакции")
        expect(page.locator("#case-earlier table, #case-plot, #case-names")).to_have_count(0)
