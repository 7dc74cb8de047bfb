"""The queue and a case: reasons in words, HTML, chart."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.other_contracts import LOANS, SHIPPED, TERMINALS
from ui.review import render
from ui.review.case import Alert, AlertReason, Case, EarlierTransaction, ScoredTransaction, parse_reasons
from ui.review.chart import transactions_chart
from ui.review.features import describe
from ui.review.queue import Queue, QueuedTransaction, QueueOrder
from ui.review.reasons import in_words
from ui.review.texts import CASE_TEXTS, REASON_TEXTS
from ui.review.verdicts import GivenVerdict, Precision, Verdict
from ui.shell.formats import ENGLISH_NUMBERS, RUSSIAN_NUMBERS
from ui.shell.roles import with_roles
from ui.shell.texts import ENGLISH, RUSSIAN

SCORED_AT = datetime(2026, 11, 23, 21, 4, tzinfo=UTC)
TRANSACTION = ScoredTransaction(
    "p-1", 0.9734, datetime(2020, 6, 21, 22, 14), 995.7, "misc_net", "fraud_<b>X</b>", "TX", 1, SCORED_AT, "Nowhere",
    "Ada|Example|1 Test Lane",
)  # fmt: skip
EARLIER = EarlierTransaction(datetime(2020, 6, 1, 10, 0), 20.5, "home", "fraud_Y", 0.01, 0, "e-1")
CASE = Case(TRANSACTION, None, [EARLIER], 12, [])
RU, EN = CASE_TEXTS["ru"], CASE_TEXTS["en"]
MASKING = with_roles(RUSSIAN, SHIPPED)
WITH_MINUTES = SHIPPED.model_copy(
    update={"features": SHIPPED.features | {"minute_of_day": {"minute_of_day": SHIPPED.record.event_time}}}
)
CARDS = {language: describe(WITH_MINUTES, language) for language in ("ru", "en")}


def test_whatever_can_be_chosen_has_a_name() -> None:
    """Every verdict and every order of the queue."""
    for words in (RU, EN):
        assert set(words.buttons) == set(words.verdicts) == set(Verdict)
        assert set(words.orders) == set(QueueOrder)
    assert (RU.buttons[Verdict.FRAUD], RU.buttons[Verdict.FALSE_ALARM]) == ("Подтвердить фрод", "Ложное срабатывание")


def drawn(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of all of a chart's data."""
    return [row for rows in spec["datasets"].values() for row in rows]


@pytest.mark.parametrize(
    ("values", "russian", "english"),
    [
        (
            {"amount_over_mean": 28.8},
            "сумма в 28,8\u00a0раза выше средней по клиенту",
            "amount is 28.8× higher than the customer's mean",
        ),
        (
            {"amount_over_mean": 5.0},
            "сумма в 5\u00a0раз выше средней по клиенту",
            "amount is 5× higher than the customer's mean",
        ),
        (
            {"amount_over_mean": 0.4},
            "сумма в 2,5\u00a0раза ниже средней по клиенту",
            "amount is 2.5× lower than the customer's mean",
        ),
        ({"amount_over_mean": None}, "история клиента неизвестна", "the customer's history is unknown"),
        (
            {"amount": 1200.5, "amount_over_mean": 28.8},
            "сумма в 28,8\u00a0раза выше средней по клиенту (1\u00a0200,50)",
            "amount is 28.8× higher than the customer's mean (1,200.50)",
        ),
        (
            {"amount": 50, "amount_over_mean": 1.02},
            "сумма близка к средней по клиенту (50,00)",
            "amount is close to the customer's mean (50.00)",
        ),
        ({"amount": -5.0, "amount_over_mean": -0.1}, "сумма -5,00", "amount -5.00"),
        ({"hour": 23.0}, "ночь, 22–03 (час 23)", "night, 22–03 (hour 23)"),
        ({"minute_of_day": 209.0}, "ночь, 22–03 (час 3)", "night, 22–03 (hour 3)"),
        ({"weekday": 4.0, "month": 6.0}, "пятница, июнь", "Friday, June"),
        (
            {"population": 1897.0, "gender": "F"},
            "население города: 1\u00a0897, пол: F",
            "city population: 1,897, gender: F",
        ),
        ({"month": 12.0}, "декабрь", "December"),
        ({"count_so_far": 0.0}, "первая транзакция клиента", "the customer's first transaction"),
        ({"count_so_far": 21.0}, "до этого 21\u00a0транзакция", "21\u00a0transactions before this one"),
        ({"hour": 14}, "день (час 14)", "daytime (hour 14)"),
        ({"amount": 1995.5}, "сумма 1\u00a0995,50", "amount 1,995.50"),
        ({"category": "misc_net"}, "категория misc_net", "category misc_net"),
        ({"category": None}, "категория, неизвестная модели", "a category unknown to the model"),
        (
            {"count_1h": 3, "sum_1h": 812.4, "risk_1h": 0.1},
            "за последний час 3\u00a0транзакции на 812,40",
            "3\u00a0transactions totalling 812.40 in the last hour",
        ),
        (
            {
                "count_1h": 4.0, "sum_1h": 90.0, "count_24h": 4.0, "sum_24h": 90.0, "count_72h": 6.0, "sum_72h": 100.0,
                "night_count_72h": 5.0, "risk_72h": 2.6,
            },
            "за последний час 4\u00a0транзакции на 90,00, за последние трое суток 6\u00a0транзакций на 100,00, "
            "ночью 5, похожи на фрод 3",
            "4\u00a0transactions totalling 90.00 in the last hour, "
            "6\u00a0transactions totalling 100.00 in the last 72 hours, 5 at night, 3 similar to fraud",
        ),
        (
            {"count_1h": 0.0, "sum_1h": 0.0, "count_72h": 0.0},
            "за последние трое суток ни одной транзакции",
            "no transactions in the last 72 hours",
        ),
        ({"count_24h": None}, "история клиента неизвестна", "the customer's history is unknown"),
        (
            {"seconds_since_last": 5400.0, "last_amount": 10},
            "предыдущая транзакция 1,5 ч назад, на 10,00",
            "previous transaction 1.5 h ago, for 10.00",
        ),
        ({"distance": 12.5, "urban": 1}, "odd: distance = 12,50, urban = 1", "odd: distance = 12.50, urban = 1"),
    ],
)  # fmt: skip
def test_reasons_are_said_in_words(values: dict[str, Any], russian: str, english: str) -> None:
    """A phrase by what the reason brings; a group nobody foresaw is shown as it is."""
    reason = AlertReason("odd", True, 1.0, values)
    assert in_words(reason, CARDS["ru"], REASON_TEXTS["ru"], RUSSIAN_NUMBERS) == russian
    assert in_words(reason, CARDS["en"], REASON_TEXTS["en"], ENGLISH_NUMBERS) == english


@pytest.mark.parametrize(
    ("values", "russian", "english"),
    [
        ({"hour": 23.0}, "час 23", "hour 23"),
        ({"amount": 12.5, "tip": 3}, "сумма 12,50, чаевые: 3", "amount 12.50, tip: 3"),
        ({"terminal": "A-7"}, "терминал: A-7", "terminal: A-7"),
        ({"tip_share": 0.25}, "чаевые (tip_share): 0,25", "tip (tip_share): 0.25"),
        (
            {"count_24h": 12.0, "count_7d": 30.0, "sum_7d": 400.0},
            "за последние сутки 12\u00a0транзакций, за последние 7\u00a0дн. 30\u00a0транзакций на 400,00",
            "12\u00a0transactions in the last 24 hours, 30\u00a0transactions totalling 400.00 in the last 7\u00a0days",
        ),
        (
            {"sum_7d": 400},
            "TX_AMOUNT, всего: 400 за последние 7\u00a0дн.",
            "total TX_AMOUNT: 400 over the last 7\u00a0days",
        ),
        (
            {"tips_30m": 8.5, "tip_mean": 2, "last_tip": 1},
            "чаевые, всего: 8,50 за последние 30\u00a0мин, чаевые, в среднем: 2, чаевые в прошлый раз: 1",
            "total tip: 8.50 over the last 30\u00a0min, mean tip: 2, previous tip: 1",
        ),
        (
            {"tip": 9, "tip_over_mean": 3.0},
            "чаевые: в 3\u00a0раза выше среднего по клиенту за последние 30\u00a0дн. (9,00)",
            "tip is 3× higher than the customer's mean over the last 30\u00a0days (9.00)",
        ),
        (
            {"count_24h": 2, "weekend_7d": 1},
            "за последние сутки 2\u00a0транзакции",
            "2\u00a0transactions in the last 24 hours",
        ),
        ({"weekend_7d": 1}, "weekend, всего: 1 за последние 7\u00a0дн.", "total weekend: 1 over the last 7\u00a0days"),
        ({"last_half": None}, "история клиента неизвестна", "the customer's history is unknown"),
        ({"customer": 7.0}, "CUSTOMER_ID: •••", "CUSTOMER_ID: •••"),
        ({"customer": "x"}, "odd: customer = •••", "odd: customer = •••"),
    ],
)  # fmt: skip
def test_another_contracts_reasons_are_said_by_operation_and_label(
    values: dict[str, Any], russian: str, english: str
) -> None:
    """Whatever the features are called; what is personal is masked, derived numbers are said if nothing else is."""
    reason = AlertReason("odd", True, 1.0, values)
    for language, numbers, said in (("ru", RUSSIAN_NUMBERS, russian), ("en", ENGLISH_NUMBERS, english)):
        assert in_words(reason, describe(TERMINALS, language), REASON_TEXTS[language], numbers) == said


def test_a_case_shows_what_the_contract_has() -> None:
    """No customer without a key, no amount without its role; a category by its label."""
    texts = with_roles(RUSSIAN, LOANS)
    head, rest = render.head(CASE, texts, RU, False, 180), render.earlier(CASE, texts, RU)

    assert "<h3>Транзакция</h3>" in head
    assert "Цель" in head
    assert not any(word in head for word in ("Клиент", "Сумма", "Время", RU.location))
    assert rest == ""
    assert transactions_chart(CASE, texts, RU) is None
    reason = AlertReason("income", True, 1.0, {"income_log": 7.5})
    assert in_words(reason, describe(LOANS, "ru"), REASON_TEXTS["ru"], RUSSIAN_NUMBERS) == "доход: •••"
    texts_given = AlertReason("purpose", True, 1.0, {"purpose_text": "car", "employer": "Acme", "term": 36})
    said = in_words(texts_given, describe(LOANS, "ru"), REASON_TEXTS["ru"], RUSSIAN_NUMBERS)
    assert said == "категория car, employer: Acme, term: 36"


@pytest.mark.parametrize(
    ("values", "russian"),
    [
        ({"weekday": 9}, "odd: weekday = 9"),
        ({"weekday": -1, "month": 2}, "odd: weekday = -1, month = 2"),
        ({"month": 0}, "odd: month = 0"),
        ({"month": 13.0, "weekday": None}, "odd: month = 13, weekday = —"),
        ({"weekday": 2.5}, "odd: weekday = 2,50"),
        ({"hour": math.inf}, "odd: hour = inf"),
        ({"hour": 24}, "odd: hour = 24"),
        ({"minute_of_day": -1}, "odd: minute_of_day = -1"),
        ({"hour": "23"}, "odd: hour = 23"),
        ({"hour": [3]}, "odd: hour = [3]"),
        ({"amount": 10**400}, f"odd: amount = {10**400}"),
        ({"count_72h": -1}, "odd: count_72h = -1"),
        ({"seconds_since_last": math.inf}, "odd: seconds_since_last = inf"),
        ({"population": "many"}, "odd: population = many"),
        ({"amount_over_mean": 1e-320}, "история клиента неизвестна"),
    ],
)
def test_values_of_another_version_are_shown_as_they_are(values: dict[str, Any], russian: str) -> None:
    """A place that no list has, or no number at all, is neither named wrongly nor in the way of opening the case."""
    reason = AlertReason("odd", True, 1.0, values)
    assert in_words(reason, CARDS["ru"], REASON_TEXTS["ru"], RUSSIAN_NUMBERS) == russian


def test_reasons_are_read_whatever_stands_in_the_table() -> None:
    """The largest first, of either sign; odd ones are left out; none at all is an empty list."""
    found = parse_reasons(
        [
            {"feature": "a", "direction": "down", "size": -1.0, "values": {}},
            {"feature": "b", "direction": "up", "size": 4, "values": {}},
            {"feature": "c", "direction": "up", "size": True, "values": {}},
            {"feature": "d", "direction": "up", "size": float("nan"), "values": {}},
            {"feature": "e", "direction": "up", "size": 1.0},
            {"feature": "f", "direction": "up", "size": 10**400, "values": {}},
            {"feature": "g", "direction": ["up"], "size": 1.0, "values": {}},
            None,
        ]
    )
    assert [(one.feature, one.raises, one.share) for one in found] == [("b", True, 1.0), ("a", False, 0.25)]
    assert parse_reasons({"feature": "a"}) == parse_reasons([]) == []


def test_a_case_is_masked_and_escaped() -> None:
    """Initials only until the name is asked for; a merchant cannot bring markup."""
    masked = render.head(CASE, MASKING, RU, False, 180)
    assert "A••• E•••" in masked
    assert "Test Lane" not in masked
    assert "&lt;b&gt;X&lt;/b&gt;" in masked
    assert "24.11.2026 00:04" in masked  # scored at, by the reader's clock
    assert "Ada Example, 1 Test Lane" in render.head(CASE, MASKING, RU, True, 180)


def test_missing_reasons_are_said_to_be_missing() -> None:
    """Not there yet, there but empty, and not looked for are three things; a score may have changed since the alert."""
    assert "Причины ещё не пришли." in render.reasons(CASE, CARDS["ru"], RUSSIAN, RU)
    assert "не выделяется" in render.reasons(replace(CASE, alert=Alert([], "v", 0.41)), CARDS["ru"], RUSSIAN, RU)
    found = replace(CASE, alert=Alert([AlertReason("x", False, 0.5, {"hour": 3})], "<v>", 0.41))
    calm = replace(found, transaction=replace(TRANSACTION, fraud_flag=0))
    assert "только для подозрительных" in render.reasons(calm, CARDS["ru"], RUSSIAN, RU)
    assert "<li" not in render.reasons(calm, CARDS["ru"], RUSSIAN, RU)
    html = render.reasons(found, CARDS["ru"], RUSSIAN, RU)
    assert "снижает оценку" in html
    assert "--share:0.500" in html
    assert "Модель &lt;v&gt;, порог 0,41" in html


def test_earlier_transactions_are_shown_or_said_to_be_none() -> None:
    """Ten rows and how many there are; a first transaction; an unknown customer."""
    assert "последние 1 из 12" in render.earlier(CASE, RUSSIAN, RU)
    assert "первая транзакция" in render.earlier(replace(CASE, earlier=[], earlier_count=0), RUSSIAN, RU)
    unknown = replace(CASE, transaction=replace(TRANSACTION, customer=None))
    assert "The customer is unknown" in render.earlier(unknown, ENGLISH, EN)


def test_verdicts_are_listed_with_who_and_when() -> None:
    """The latest first, in the reader's time; one the page does not know is shown as it is written."""
    given = [
        GivenVerdict(1, "fraud", "", "local", SCORED_AT),
        GivenVerdict(2, "returned", "<i>x</i>", "ada", SCORED_AT + timedelta(minutes=1)),
        GivenVerdict(3, "other", "", "ada", SCORED_AT),
    ]
    html = render.verdicts(given, RUSSIAN, RU, 180)
    order = [html.index(word) for word in ("other", "возвращена в очередь", "фрод подтверждён")]
    assert order == sorted(order)
    assert "24.11.2026 00:05" in html
    assert "без входа" in html
    assert "<i>x" not in html


def test_the_queue_says_how_many_wait() -> None:
    """And that there may be more than were looked at."""
    row = QueuedTransaction("<p>", 0.9, None, None, None, None, None, None)
    few = render.queue(Queue([row], 7, 2, more=False), RUSSIAN, RU)
    assert "Ждут вердикта: 7. Показаны первые 1. В работе у других: 2." in few
    many = render.queue(Queue([row], 1000, 0, more=True), RUSSIAN, RU)
    assert "больше 1\u00a0000" in many
    assert 'data-case="&lt;p&gt;"' in many
    assert "Очередь пуста" in render.queue(Queue([], 0, 0, more=False), RUSSIAN, RU)
    assert "сейчас в работе у других: 3" in render.queue(Queue([], 0, 3, more=False), RUSSIAN, RU)


def test_precision_comes_with_its_uncertainty() -> None:
    """Wilson's interval: 8 of 10 is 49 to 94 %; of nothing nothing is known."""
    low, high = Precision(8, 10).interval
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert Precision(0, 0).interval == (0.0, 1.0)
    assert (Precision(5, 5).interval[1], Precision(0, 5).interval[0]) == (1.0, 0.0)
    html = render.precision(Precision(8, 10), RUSSIAN, RU)
    assert "80\u00a0% (подтверждено 8 из 10). 95 %-й доверительный интервал: от 49\u00a0% до 94\u00a0%" in html


def test_the_chart_shows_all_transactions_and_sets_this_one_apart() -> None:
    """Earlier ones by kind, this one by itself; without a history there is no chart."""
    flagged = replace(EARLIER, fraud_flag=1, transaction_id="e-2")
    without_amount = replace(EARLIER, amount=None)
    chart = transactions_chart(replace(CASE, earlier=[EARLIER, flagged, without_amount]), RUSSIAN, RU)
    assert chart is not None
    spec = chart.to_dict()
    assert [point["side"] for point in drawn(spec)] == ["обычные", "подозрительные", "эта транзакция"]
    assert spec["usermeta"]["embedOptions"]["formatLocale"]["decimal"] == ","
    assert transactions_chart(replace(CASE, earlier=[]), RUSSIAN, RU) is None


def test_a_history_of_hours_is_marked_by_the_hour() -> None:
    """Days alone would be the same at every mark."""
    for days, written in ((1, RU.chart_hours), (400, RU.chart_dates)):
        past = replace(EARLIER, event_time=datetime(2020, 6, 21, 22, 14) - timedelta(days=days))
        chart = transactions_chart(replace(CASE, earlier=[past]), RUSSIAN, RU)
        assert chart is not None
        assert chart.to_dict()["layer"][0]["encoding"]["x"]["axis"]["format"] == written
