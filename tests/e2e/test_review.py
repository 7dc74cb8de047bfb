"""Login, cases, what-if and the single transaction in a real browser; rows stand in for scorer and sink."""

import http.client
import json
import shutil
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from psycopg.types.json import Jsonb

from stack.servers import PostgresServer
from tests.support.page import TOPICS, Connection, StartUi, Ui, forget_models, visit, wait_ready
from tests.support.processes import ROOT, wait_for
from tests.support.reasons import CALM, NIGHT, reasons_of
from tests.support.topics import read_all
from ui.login.users import hash_password

pytest_plugins = ["tests.support.page_fixtures"]

PASSWORD = "correct horse battery"
SCORES = "/files/uploads/00000000-0000-0000-0000-000000000000.csv"


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A users file: ada and eve are analysts, bob a viewer."""
    path, hashed = tmp_path_factory.mktemp("users") / "users", hash_password(PASSWORD)
    path.write_text(f"ada:analyst:{hashed}\neve:analyst:{hashed}\nbob:viewer:{hashed}\n")
    return path


@pytest.fixture(scope="module")
def start_page(postgres: str, start_ui: StartUi) -> StartUi:
    """Start pages of the shipped model, over a mart in which no model of other tests is in use."""
    forget_models(postgres)

    def start(**env: str) -> Ui:
        return start_ui(**{"UI_MANIFEST": str(ROOT / "onnx/manifest.json")} | env)

    return start


@pytest.fixture(scope="module")
def served(start_page: StartUi) -> Ui:
    """The page without a login, which most tests share."""
    return ready(start_page())


@pytest.fixture(scope="module")
def guarded(start_page: StartUi, users: Path) -> Ui:
    """The page with a login."""
    return ready(start_page(UI_USERS_FILE=str(users)))


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A browser tab of somebody without a session; see visit()."""
    with visit(browser) as page:
        yield page


def ready(page: Ui) -> Ui:
    wait_ready(page)
    return page


def show(tab: Page, page: Ui, name: str, path: str = "") -> None:
    """Open one of the page's tabs."""
    tab.goto(f"{page.url}/{path}")
    tab.get_by_role("tab", name=name).click()


def log_in(tab: Page, page: Ui, name: str, password: str = PASSWORD) -> None:
    tab.goto(page.url)
    tab.locator("input").nth(0).fill(name)
    tab.locator("input").nth(1).fill(password)
    tab.locator("button").first.click()


def add(
    mart: Connection, transaction_id: str, score: float = 0.9, *, amount: float = 995.7, time: str = "2020-06-21 22:14",
    customer: str | None = "Ada|Example|1 Test Lane",
) -> None:  # fmt: skip
    mart.execute(
        "insert into scores (transaction_id, score, fraud_flag, scored_at, src_partition, src_offset)"
        " values (%s, %s, %s, now(), 0, 0)",
        [transaction_id, score, int(score >= 0.5)],
    )
    mart.execute(
        "insert into transactions values (%s, %s, %s, 'misc_net', 'fraud_Kilback LLC', 'TX', 'Nowhere', %s, 0, 0)",
        [transaction_id, time, amount, customer],
    )


def add_alert(mart: Connection, transaction_id: str) -> None:
    """Add what the scorer says of a huge transaction at night."""
    reasons = Jsonb(reasons_of([*CALM, NIGHT]))
    mart.execute("insert into alerts values (%s, %s, 'test-7', 0.41, now(), 0, 0)", [transaction_id, reasons])


def open_first(tab: Page) -> None:
    """Open the first case of the queue."""
    tab.locator("#queue .open-case").first.click()
    expect(tab.locator("#case-head")).to_be_visible()


def verdicts(mart: Connection) -> list[tuple[Any, ...]]:
    return mart.execute("select transaction_id, verdict, comment, analyst from verdicts order by id").fetchall()


def test_a_case_shows_the_transaction_its_reasons_and_the_customers_history(
    tab: Page, served: Ui, mart: Connection
) -> None:
    """All an analyst needs for a verdict, in words and in a chart; the name is masked until asked for."""
    for day in (1, 2, 3):
        add(mart, f"e-{day}", 0.1, amount=20.5, time=f"2020-06-0{day} 10:00")
    add(mart, "p-1")
    add_alert(mart, "p-1")
    show(tab, served, "Разбор")
    expect(tab.locator("#queue")).to_contain_text("Ждут вердикта: 1.")
    open_first(tab)
    head = tab.locator("#case-head")
    expect(head).to_contain_text("Транзакция на 995,70")
    expect(head).to_contain_text("Kilback LLC")
    expect(head).to_contain_text("A••• E•••")
    reasons = tab.locator("#case-reasons li")
    expect(reasons).to_have_count(3)
    expect(reasons.first).to_contain_text("Сумма в 24,4\u00a0раза выше средней по клиенту (880,00)")
    expect(reasons.first).to_contain_text("повышает оценку")
    expect(reasons.nth(1)).to_contain_text("Ночь, 22–03 (час 23)")
    expect(reasons.last).to_contain_text("Предыдущая транзакция 36,6 ч назад, на 51,00")
    expect(tab.locator("#case-plot svg.marks")).to_contain_text("3\u00a0транзакции до этой")
    expect(tab.locator("#case-plot svg.marks .mark-symbol path[aria-roledescription]")).to_have_count(4)
    expect(tab.locator("#case-earlier tbody tr")).to_have_count(3)
    assert "Test Lane" not in tab.content()
    tab.get_by_label("Показать личные данные").check()
    expect(head).to_contain_text("Ada Example, 1 Test Lane")
    wait_for(lambda: '"event": "names_shown"' in served.process.text(), 5, served.process.text)
    assert "Test Lane" not in served.process.text()


@pytest.mark.slow
def test_reasons_that_have_not_come_are_not_made_up(tab: Page, served: Ui, mart: Connection) -> None:
    """Nor is a history where there is none."""
    add(mart, "p-1")
    show(tab, served, "Разбор")
    open_first(tab)
    expect(tab.locator("#case-reasons")).to_contain_text("Причины ещё не пришли.")
    expect(tab.locator("#case-earlier")).to_contain_text("Это первая транзакция клиента")
    expect(tab.locator("#case-plot")).to_have_count(0)


@pytest.mark.slow
def test_a_verdict_is_given_changed_and_taken_back(tab: Page, served: Ui, mart: Connection) -> None:
    """It leaves the queue and counts; all are stored; a returned transaction waits again."""
    add(mart, "p-1")
    add(mart, "p-2")
    show(tab, served, "Разбор")
    expect(tab.locator("#precision")).to_contain_text("Вердиктов пока нет")
    open_first(tab)
    expect(tab.get_by_role("button", name="Вернуть в очередь")).to_have_count(0)
    tab.get_by_label("Комментарий").fill("Звонил: <b>карту украли</b>")
    tab.get_by_role("button", name="Подтвердить фрод").click()
    expect(tab.locator("#case-message")).to_contain_text("Сохранено: фрод подтверждён.")
    expect(tab.locator("#case-head")).to_contain_text("p-1")
    expect(tab.get_by_label("Комментарий")).to_have_value("")
    expect(tab.get_by_text("Textbox", exact=True).locator("visible=true")).to_have_count(0)
    expect(tab.locator("#queue tbody tr")).to_have_count(1)
    expect(tab.locator("#precision")).to_contain_text("100\u00a0% (подтверждено 1 из 1)")
    tab.get_by_role("button", name="Открыть её снова").click()
    expect(tab.locator("#case-head")).to_contain_text("p-2")
    expect(tab.locator("#case-verdicts tbody tr")).to_have_count(1)
    expect(tab.locator("#case-verdicts")).to_contain_text("Звонил: <b>карту украли</b>")
    tab.get_by_role("button", name="Ложное срабатывание").click()
    expect(tab.locator("#precision")).to_contain_text("подтверждено 0 из 1")
    expect(tab.locator("#case-head")).to_contain_text("p-2")
    tab.get_by_role("button", name="Вернуть в очередь").click()
    expect(tab.locator("#queue tbody tr")).to_have_count(2)
    assert verdicts(mart) == [
        ("p-2", "fraud", "Звонил: <b>карту украли</b>", "local"),
        ("p-2", "false_alarm", "", "local"),
        ("p-2", "returned", "", "local"),
    ]


@pytest.mark.slow
def test_a_verdict_that_another_has_given_meanwhile_is_reported(tab: Page, served: Ui, mart: Connection) -> None:
    """The other's verdict is shown, the comment stays in its field, and nothing is stored."""
    add(mart, "p-1")
    show(tab, served, "Разбор")
    open_first(tab)
    mart.execute(
        "insert into verdicts (transaction_id, ordinal, verdict, analyst, score, fraud_flag)"
        " values ('p-1', 1, 'false_alarm', 'eve', 0.9, 1)"
    )
    tab.get_by_label("Комментарий").fill("мой")
    tab.get_by_role("button", name="Подтвердить фрод").click()
    expect(tab.locator("#case-message")).to_contain_text("Не сохранено")
    expect(tab.locator("#case-verdicts tbody tr")).to_contain_text(["eve"])
    expect(tab.get_by_label("Комментарий")).to_have_value("мой")
    assert [row[3] for row in verdicts(mart)] == ["eve"]


def test_the_queue_is_worked_off_one_after_another(tab: Page, served: Ui, mart: Connection) -> None:
    """In the order chosen, until it is empty: by the keys alone, once the first case is taken."""
    add(mart, "small", amount=5)
    add(mart, "large", amount=900)
    add(mart, "middle", amount=50)
    show(tab, served, "Разбор")
    tab.get_by_label("Порядок").click()
    tab.get_by_role("option", name="Сначала крупные").click()
    expect(tab.locator("#queue tbody tr").first).to_contain_text("900,00")
    tab.get_by_role("button", name="Взять следующую").click()
    for amount, key in (("900,00", "1"), ("50,00", "3"), ("5,00", "2"), ("50,00", "2")):
        expect(tab.locator("#case-head")).to_contain_text(f"Транзакция на {amount}")
        expect(tab.locator("#case")).to_be_focused()
        tab.keyboard.press(key)
    expect(tab.locator("#case-message")).to_contain_text("Больше ничего не ждёт")
    expect(tab.locator("#queue")).to_contain_text("Очередь пуста")
    tab.get_by_role("button", name="К очереди").click()
    expect(tab.locator("#case")).to_be_hidden()
    tab.get_by_role("button", name="Взять следующую").click()
    expect(tab.locator("#queue")).to_contain_text("Очередь пуста")
    expect(tab.locator("#case")).to_be_hidden()
    given = [("large", "fraud"), ("small", "false_alarm"), ("middle", "false_alarm")]
    assert [row[:2] for row in verdicts(mart)] == given


@pytest.mark.slow
def test_a_key_in_a_field_is_a_letter(tab: Page, served: Ui, mart: Connection) -> None:
    """And outside the case it is nothing."""
    add(mart, "p-1")
    show(tab, served, "Разбор")
    open_first(tab)
    tab.get_by_label("Комментарий").fill("")
    tab.keyboard.type("123")
    expect(tab.get_by_label("Комментарий")).to_have_value("123")
    tab.locator("#queue-refresh").focus()
    tab.keyboard.press("1")
    expect(tab.locator("#queue tbody tr")).to_have_count(1)
    assert verdicts(mart) == []


def test_queue_and_case_share_the_screen_or_take_turns(tab: Page, served: Ui, mart: Connection) -> None:
    """Side by side where there is room; on a phone the case stands in place of the queue, until it is closed."""
    add(mart, "p-1")
    add(mart, "p-2")
    show(tab, served, "Разбор")
    open_first(tab)
    queue, case = tab.locator("#review").bounding_box(), tab.locator("#case").bounding_box()
    assert queue is not None
    assert case is not None
    assert queue["x"] + queue["width"] < case["x"]
    tab.set_viewport_size({"width": 390, "height": 844})
    expect(tab.locator("#queue")).to_be_hidden()
    tab.get_by_role("button", name="К очереди").click()
    expect(tab.locator("#case")).to_be_hidden()
    expect(tab.locator("#queue tbody tr")).to_have_count(2)
    assert mart.execute("select count(*) from case_locks").fetchone() == (0,)


@pytest.mark.slow
def test_two_analysts_never_have_the_same_case(tab: Page, browser: Browser, guarded: Ui, mart: Connection) -> None:
    """The next one is another one; whoever opens a case that is taken sees by whom, and gives no verdict."""
    add(mart, "p-1")
    add(mart, "p-2")
    log_in(tab, guarded, "ada")
    tab.get_by_role("tab", name="Разбор").click()
    tab.get_by_role("button", name="Взять следующую").click()
    expect(tab.locator("#case-head")).to_contain_text("p-2")
    with visit(browser) as other:
        log_in(other, guarded, "eve")
        other.get_by_role("tab", name="Разбор").click()
        expect(other.locator("#queue")).to_contain_text("В работе у других: 1.")
        other.get_by_role("tab", name="Проверка").click()
        other.get_by_role("button", name="Посмотреть результаты").click()
        other.locator("#flagged .open-case").first.click()
        expect(other.locator("#case-message")).to_contain_text("Транзакцию разбирает ada, до")
        expect(other.get_by_role("button", name="Подтвердить фрод")).to_have_count(0)
        other.get_by_role("button", name="Следующая").click()
        expect(other.locator("#case-head")).to_contain_text("p-1")
        other.get_by_role("button", name="Подтвердить фрод").click()
        expect(other.locator("#case-message")).to_contain_text("Сохранено")
        tab.get_by_role("button", name="Подтвердить фрод").click()
        expect(tab.locator("#case-message")).to_contain_text("Сохранено")
    assert [(row[0], row[3]) for row in verdicts(mart)] == [("p-1", "eve"), ("p-2", "ada")]


@pytest.mark.slow
def test_a_blind_sample_is_not_to_be_told_from_alerts(tab: Page, start_page: StartUi, mart: Connection) -> None:
    """No score and no reason before the verdict; after it the kind; with verdicts on it the recall is estimated."""
    served = ready(start_page(UI_BLIND_SAMPLE_PER_DAY="1"))
    add(mart, "flagged")
    add_alert(mart, "flagged")
    add(mart, "quiet", 0.0123)
    (draw,) = mart.execute(
        "insert into blind_draws (first_arrival, last_arrival, flagged, populations, probabilities)"
        " values (0, 9, 1, '{0,0,0,1,0}', '{0,0,0,1,0}') returning draw_id"
    ).fetchone() or (None,)
    mart.execute("insert into blind_samples values ('quiet', %s, 4, 1)", [draw])
    show(tab, served, "Разбор")
    expect(tab.locator("#queue tbody tr")).to_have_count(2)
    expect(tab.locator("#queue th.score")).to_have_count(0)
    expect(tab.locator("#missed")).to_contain_text("Полнота появится после первого вердикта")
    tab.get_by_role("button", name="Взять следующую").click()
    for name, kind in (("quiet", "из слепой выборки с оценкой 0,012"), ("flagged", "алерт с оценкой 0,900")):
        expect(tab.locator("#case-head")).to_contain_text(name)
        expect(tab.locator("#case-head")).to_contain_text("скрыта до вердикта")
        expect(tab.locator("#case-reasons")).to_contain_text("Оценка и причины скрыты до вердикта")
        tab.get_by_role("button", name="Подтвердить фрод").click()
        expect(tab.locator("#case-message")).to_contain_text(kind)
    expect(tab.locator("#case-head")).to_contain_text("0,900")
    expect(tab.locator("#case-reasons li")).to_have_count(3)
    expect(tab.locator("#missed")).to_contain_text("50\u00a0%")
    expect(tab.locator("#missed")).to_contain_text("Пропущено фрода: 1,")


def test_a_flagged_row_of_the_results_opens_its_case(tab: Page, served: Ui, mart: Connection) -> None:
    """One click from the list; the keyboard does it too."""
    add(mart, "p-1")
    tab.goto(served.url)
    tab.get_by_role("button", name="Посмотреть результаты").click()
    row = tab.locator("#flagged .open-case").first
    row.focus()
    row.press("Enter")
    expect(tab.locator("#case-head")).to_contain_text("p-1")
    expect(tab.get_by_role("tab", name="Разбор")).to_have_attribute("aria-selected", "true")


@pytest.mark.slow
def test_an_outage_while_judging_is_reported_in_words(
    tab: Page, served: Ui, mart: Connection, database: PostgresServer
) -> None:
    """A verdict is not said to be stored when that is unknown; afterwards it can be given again."""
    add(mart, "p-1")
    show(tab, served, "Разбор")
    open_first(tab)
    mart.close()
    database.stop()
    try:
        tab.get_by_role("button", name="Подтвердить фрод").click()
        expect(tab.locator("#case-message")).to_contain_text("неизвестно, сохранён ли вердикт")
    finally:
        database.start()
    tab.get_by_role("button", name="Подтвердить фрод").click()
    expect(tab.locator("#case-message")).to_contain_text("Сохранено")


def test_what_if_moves_figures_and_nothing_else(tab: Page, served: Ui, mart: Connection) -> None:
    """The shipped threshold beside the chosen one: the stream's alerts, the manifest's own figures, the verdicts.

    A budget of alerts sets the threshold, and a threshold the number of alerts.
    """
    manifest = json.loads((ROOT / "onnx/manifest.json").read_bytes())
    figures = manifest["figures"]["unseen_customers"]
    shown = f"{figures['precision'] * 100:.1f}\u00a0%".replace(".", ",")
    for number in range(10):
        add(mart, f"p-{number}", number / 10)
    show(tab, served, "Порог")
    rows = tab.locator("#whatif-table tbody tr")
    expect(rows).to_have_count(8)
    expect(rows.nth(0).locator("td").nth(2)).to_have_text("5,0 (0,0–14,8)")
    expect(rows.nth(5).locator("td").nth(2)).to_have_text(shown)
    expect(rows.nth(7).locator("td").nth(2)).to_have_text("нет вердиктов")
    expect(tab.locator("#whatif-plot svg.marks .mark-line path")).to_have_count(2)
    slider, alerts = tab.locator("#whatif-threshold input[type=number]"), tab.locator("#whatif-alerts input")
    expect(alerts).to_have_value("5")
    slider.fill("0.2")
    slider.press("Tab")
    expect(tab.locator("#whatif-table thead")).to_contain_text("При пороге 0,20")
    expect(rows.nth(0).locator("td").nth(1)).to_contain_text("8,0 (")
    expect(alerts).to_have_value("8")
    expect(tab.locator("#whatif-table")).to_contain_text("Ниже 0,41 вердиктов нет")
    alerts.fill("2")
    expect(tab.locator("#whatif-table thead")).to_contain_text("При пороге 0,80")
    expect(rows.nth(0).locator("td").nth(1)).to_contain_text("2,0 (")
    expect(slider).to_have_value("0.8")
    tab.get_by_role("button", name="Вернуть действующий порог").click()
    expect(alerts).to_have_value("5")
    expect(slider).to_have_value("0.41")
    assert json.loads((ROOT / "onnx/manifest.json").read_bytes()) == manifest


@pytest.mark.slow
def test_what_if_without_a_curve_says_so(tab: Page, start_page: StartUi, mart: Connection, tmp_path: Path) -> None:
    """Precision and recall are not invented; the stream's own figures stay."""
    other = json.loads((ROOT / "onnx/manifest.json").read_bytes()) | {"version": "other", "threshold": 0.37}
    (tmp_path / "manifest.json").write_text(json.dumps(other))
    for name in ("curve.json", "contract.toml", "risk.json"):
        shutil.copy(ROOT / "onnx" / name, tmp_path)
    add(mart, "p-1")
    show(tab, ready(start_page(UI_MANIFEST=str(tmp_path / "manifest.json"))), "Порог")
    expect(tab.locator("#whatif-table")).to_contain_text("У этой модели нет валидационной кривой")
    expect(tab.locator("#whatif-table tbody tr")).to_have_count(6)
    expect(tab.locator("#whatif-plot")).to_have_count(0)


def test_a_single_transaction_goes_through_the_topic(tab: Page, served: Ui, mart: Connection, kafka: str) -> None:
    """Keyed by its customer, in the contract's form; the answer names score and latency and leads to the case."""
    before = len(read_all(kafka, TOPICS.transactions))
    show(tab, served, "Одна транзакция")
    expect(tab.get_by_label("Время", exact=True)).not_to_have_value("")
    tab.get_by_role("button", name="Подставить подозрительную").click()
    amount = tab.get_by_label("Сумма *", exact=True)
    expect(amount).to_have_value("311.25")
    amount.fill("1995,50")
    tab.get_by_role("button", name="Отправить транзакцию").click()
    wait_for(lambda: len(read_all(kafka, TOPICS.transactions)) > before, 20)
    (message,) = read_all(kafka, TOPICS.transactions)[before:]
    sent = json.loads(message.value() or b"")
    assert message.key() == b"Example|Example|Example"
    assert (sent["data"]["amount"], sent["data"]["cat_id"]) == (1995.5, "grocery_pos")
    assert sent["data"]["transaction_time"].endswith("01:44")
    add(mart, sent["transaction_id"], 0.9731, amount=1995.5)
    add_alert(mart, sent["transaction_id"])
    answer = tab.locator("#payment-answer")
    expect(answer).to_contain_text("Оценка 0,973 — подозрительная транзакция")
    expect(answer).to_contain_text("Сумма в 24,4")
    expect(answer).to_contain_text("мс оценка была в базе")
    answer.get_by_role("button", name="Открыть разбор").click()
    expect(tab.locator("#case-head")).to_contain_text("Транзакция на 1\u00a0995,50")


@pytest.mark.slow
def test_an_invalid_transaction_is_not_sent(tab: Page, served: Ui, kafka: str, mart: Connection) -> None:
    """Which field, and what is wrong with it."""
    before = len(read_all(kafka, TOPICS.transactions))
    show(tab, served, "Одна транзакция")
    tab.get_by_label("Сумма *", exact=True).fill("много")
    tab.get_by_role("button", name="Отправить транзакцию").click()
    expect(tab.locator("#payment-answer")).to_contain_text("Сумма: Не число. Транзакция не отправлена.")
    tab.get_by_label("Сумма *", exact=True).fill("")
    tab.get_by_role("button", name="Отправить транзакцию").click()
    expect(tab.locator("#payment-answer")).to_contain_text("Сумма: Пустое обязательное поле.")
    assert len(read_all(kafka, TOPICS.transactions)) == before


def test_an_analyst_logs_in_judges_and_leaves(tab: Page, guarded: Ui, mart: Connection) -> None:
    """The verdict has the name; after leaving nothing is to be seen."""
    add(mart, "p-1")
    log_in(tab, guarded, "ada", "not the password")
    expect(tab.get_by_text("Неверные учетные данные")).to_be_visible()
    log_in(tab, guarded, "ada")
    expect(tab.locator("#who")).to_contain_text("ada · аналитик")
    tab.get_by_role("link", name="English").click()
    expect(tab.locator("#who")).to_contain_text("ada · analyst")
    tab.get_by_role("tab", name="Review").click()
    open_first(tab)
    tab.get_by_role("button", name="Confirm fraud").click()
    expect(tab.locator("#case-message")).to_contain_text("Saved: fraud confirmed.")
    assert verdicts(mart) == [("p-1", "fraud", "", "ada")]
    tab.get_by_role("link", name="Log out").click()
    expect(tab.get_by_label("Пароль")).to_be_visible()
    tab.goto(guarded.url)
    expect(tab.get_by_label("Пароль")).to_be_visible()
    assert PASSWORD not in guarded.process.text()


def test_a_viewer_sees_and_changes_nothing(tab: Page, guarded: Ui, mart: Connection, tmp_path: Path) -> None:
    """No verdicts, no names, no uploads, no single transactions; the page says why."""
    add(mart, "p-1")
    log_in(tab, guarded, "bob")
    expect(tab.locator("#who")).to_contain_text("bob · наблюдатель")
    (tmp_path / "transactions.csv").write_text("transaction_time,cat_id,amount\n2020-06-21 22:14,misc_net,1\n")
    tab.set_input_files("input[type=file]", tmp_path / "transactions.csv")
    expect(tab.locator("#headline")).to_contain_text("Ваша роль — наблюдатель")
    expect(tab.get_by_role("button", name="Отправить в Kafka")).to_be_disabled()
    tab.get_by_role("tab", name="Разбор").click()
    open_first(tab)
    expect(tab.locator("#case-message")).to_contain_text("Ваша роль — наблюдатель")
    expect(tab.get_by_role("button", name="Подтвердить фрод")).to_have_count(0)
    expect(tab.get_by_label("Показать личные данные")).to_have_count(0)
    tab.get_by_role("tab", name="Одна транзакция").click()
    tab.get_by_role("button", name="Отправить транзакцию").click()
    expect(tab.locator("#payment-answer")).to_contain_text("Ваша роль — наблюдатель")


def test_a_viewer_who_calls_the_handlers_directly_is_refused(tab: Page, guarded: Ui, mart: Connection) -> None:
    """What the page hides from a viewer the server refuses too: the verdict's call is sent as the page would."""
    add(mart, "p-1")
    log_in(tab, guarded, "bob")
    tab.get_by_role("tab", name="Разбор").click()
    open_first(tab)
    answer = tab.evaluate(
        """async () => {
            const config = window.gradio_config;
            const give = config.components.find((c) => c.props.elem_id === 'give-fraud').id;
            const call = config.dependencies.find((d) => d.targets.some(([id, on]) => id === give && on === 'click'));
            const data = call.inputs.map(() => null);
            const session_hash = 'direct';
            const joined = await fetch('gradio_api/queue/join', {
                method: 'POST', headers: {'Content-Type': 'application/json'},
                body: JSON.stringify({data, fn_index: call.id, session_hash, event_data: null, trigger_id: give}),
            });
            const stream = await fetch('gradio_api/queue/data?session_hash=' + session_hash);
            return [joined.status, await stream.text()];
        }"""
    )
    assert answer[0] == 200
    assert "process_completed" in answer[1]
    assert "наблюдатель" in json.dumps(answer[1]).encode().decode("unicode_escape") or "наблюдатель" in answer[1]
    assert verdicts(mart) == []


@pytest.mark.slow
def test_guessing_is_slowed_down(start_page: StartUi, users: Path) -> None:
    """After five wrong tries the right password is refused as well, until the wait is over."""
    page = ready(start_page(UI_USERS_FILE=str(users)))
    assert [post_login(page, "ada", "guess") for _ in range(6)] == [400] * 6
    assert post_login(page, "ada", PASSWORD) == 400
    assert '"event": "login_throttled"' in page.process.text()
    wait_for(lambda: post_login(page, "ada", PASSWORD) == 200, 70)


def post_login(page: Ui, name: str, password: str) -> int:
    body = urllib.parse.urlencode({"username": name, "password": password})
    connection = http.client.HTTPConnection("127.0.0.1", page.process.probe_port, timeout=30)
    connection.request("POST", "/login", body, {"Content-Type": "application/x-www-form-urlencoded"})
    return connection.getresponse().status


@pytest.mark.slow
def test_a_login_ends(start_page: StartUi, users: Path) -> None:
    """After UI_SESSION_HOURS its cookie opens nothing any more, the download of scores neither."""
    process = ready(start_page(UI_USERS_FILE=str(users), UI_SESSION_HOURS="0.002")).process  # 7.2 s
    connection = http.client.HTTPConnection("127.0.0.1", process.probe_port, timeout=30)
    body = urllib.parse.urlencode({"username": "ada", "password": PASSWORD})
    connection.request("POST", "/login", body, {"Content-Type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    answer.read()
    cookies = (cookie.partition(";")[0] for cookie in answer.headers.get_all("Set-Cookie") or [])
    headers = {"Cookie": "; ".join(cookies)}

    def status(path: str) -> int:
        connection.request("GET", path, headers=headers)
        found = connection.getresponse()
        found.read()
        return found.status

    assert (status("/config"), status(SCORES)) == (200, 404)
    wait_for(lambda: status("/config") == 401, 30)
    assert status(SCORES) == 401


def test_without_a_login_nothing_is_revealed(guarded: Ui) -> None:
    """The page's data and its calls want a session; the health check does not. The form knows of no calls."""
    connection = http.client.HTTPConnection("127.0.0.1", guarded.process.probe_port, timeout=30)
    connection.request("GET", "/")
    assert b'window.gradio_api_info = {"named_endpoints":{},"unnamed_endpoints":{}};' in connection.getresponse().read()
    status = {}
    for path in ("/config", "/gradio_api/info", "/gradio_api/queue/data?session_hash=x", SCORES, "/healthz"):
        connection = http.client.HTTPConnection("127.0.0.1", guarded.process.probe_port, timeout=30)
        connection.request("GET", path)
        status[path] = connection.getresponse().status
    assert status.pop("/healthz") == 200
    assert set(status.values()) == {401}


@pytest.mark.slow
def test_beyond_loopback_the_page_does_not_start_without_a_login(start_page: StartUi) -> None:
    """One line says what to set, and the exit code is not 0."""
    process = start_page(UI_HOST="0.0.0.0").process  # noqa: S104
    assert process.finish(60) == 1
    assert process.text().count("\n") == 1
    assert "UI_USERS_FILE" in process.text()
