"""Queue, case, reasons, what-if and the payment by hand: what is reckoned and what is said."""

import json
import math
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from services.common.contract import FIELDS
from services.common.settings import project_root
from services.sender.known import read_categories
from services.sender.report import BadRow
from ui.login.texts import LOGIN_TEXTS
from ui.login.users import Role
from ui.payment import payment as byhand
from ui.payment.tab import FIRST
from ui.payment.texts import BYHAND_TEXTS
from ui.review import render as case_render
from ui.review.case import Alert, Case, Earlier, Payment, ReasonShown, read_reasons
from ui.review.chart import payments_chart
from ui.review.reasons import REASON_TEXTS, in_words
from ui.review.texts import CASE_TEXTS
from ui.review.verdicts import Given, Precision, Queue, QueuedCase, QueueOrder, Verdict
from ui.shell.formats import ENGLISH_NUMBERS, RUSSIAN_NUMBERS
from ui.shell.texts import ENGLISH, RUSSIAN
from ui.threshold import whatif
from ui.threshold.models import ScoringModel
from ui.threshold.render import comparison, curve_chart
from ui.threshold.texts import WHATIF_TEXTS
from ui.threshold.whatif import Basis, Curve, Stream

SCORED_AT = datetime(2026, 11, 23, 21, 4, tzinfo=UTC)
PAYMENT = Payment(
    "p-1", 0.9734, 1, SCORED_AT, datetime(2020, 6, 21, 22, 14), 995.7, "misc_net", "fraud_<b>X</b>", "TX", "Nowhere",
    "Ada|Example|1 Test Lane",
)  # fmt: skip
EARLIER = Earlier(datetime(2020, 6, 1, 10, 0), 20.5, "home", "fraud_Y", 0.01, 0, "e-1")
CASE = Case(PAYMENT, None, [EARLIER], 12, [])
CURVE = Curve("v", 1000, 10, 5000.0, [0.1, 0.5, 0.9], [20, 10, 0], [10, 8, 0], [5000.0, 4500.0, 0.0])
RU, EN = CASE_TEXTS["ru"], CASE_TEXTS["en"]


def filled_in(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def drawn(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of all of a chart's data, each set once."""
    return [row for rows in spec["datasets"].values() for row in rows]


def sentences(value: Any) -> Any:
    """Return a text's names to fill in, of a mapping those of each of its texts."""
    if isinstance(value, str):
        return filled_in(value)
    return {key: sentences(one) for key, one in value.items()} if isinstance(value, Mapping) else None


@pytest.mark.parametrize("texts", [CASE_TEXTS, REASON_TEXTS, WHATIF_TEXTS, BYHAND_TEXTS, LOGIN_TEXTS])
def test_both_languages_say_the_same(texts: Mapping[str, Any]) -> None:
    """Every sentence is there in both, and wants the same figures."""
    russian, english = texts["ru"], texts["en"]
    for field in fields(russian):
        assert sentences(getattr(russian, field.name)) == sentences(getattr(english, field.name)), field.name


def test_whatever_can_be_chosen_has_a_name() -> None:
    """Verdicts, orders, roles and all fields of a payment."""
    for words in (RU, EN):
        assert set(words.buttons) == set(words.verdicts) == set(Verdict)
        assert set(words.orders) == set(QueueOrder)
    assert all(set(BYHAND_TEXTS[language].fields) == set(FIELDS) for language in ("ru", "en"))
    assert all(set(LOGIN_TEXTS[language].roles) == set(Role) for language in ("ru", "en"))
    assert (RU.buttons[Verdict.FRAUD], RU.buttons[Verdict.FALSE_ALARM]) == ("Подтвердить фрод", "Ложное срабатывание")


@pytest.mark.parametrize(
    ("values", "russian", "english"),
    [
        (
            {"amount_over_mean": 28.8},
            "сумма в 28,8\u00a0раза выше средней клиента",
            "amount 28.8\u00a0times the customer's mean",
        ),
        (
            {"amount_over_mean": 5.0},
            "сумма в 5\u00a0раз выше средней клиента",
            "amount 5\u00a0times the customer's mean",
        ),
        (
            {"amount_over_mean": 0.4},
            "сумма в 2,5\u00a0раза ниже средней клиента",
            "amount 2.5\u00a0times below the customer's mean",
        ),
        ({"amount_over_mean": None}, "прошлое клиента неизвестно", "the customer's past is not known"),
        (
            {"amount": 1200.5, "amount_over_mean": 28.8},
            "сумма в 28,8\u00a0раза выше средней клиента (1\u00a0200,50)",
            "amount 28.8\u00a0times the customer's mean (1,200.50)",
        ),
        (
            {"amount": 50, "amount_over_mean": 1.02},
            "сумма около средней клиента (50,00)",
            "amount near the customer's mean (50.00)",
        ),
        ({"amount": -5.0, "amount_over_mean": -0.1}, "сумма -5,00", "amount -5.00"),
        ({"hour": 23.0}, "ночь, 22–03 (час 23)", "night, 22–03 (hour 23)"),
        ({"minute_of_day": 209.0}, "ночь, 22–03 (час 3)", "night, 22–03 (hour 3)"),
        ({"weekday": 4.0, "month": 6.0}, "пятница, июнь", "Friday, June"),
        (
            {"population": 1897.0, "gender": 0.0},
            "в городе клиента 1\u00a0897\u00a0жителей, пол клиента",
            "1,897\u00a0people in the customer's town, the customer's gender",
        ),
        ({"month": 12.0}, "декабрь", "December"),
        ({"count_so_far": 0.0}, "первый платёж клиента", "the customer's first payment"),
        ({"count_so_far": 21.0}, "до этого 21\u00a0платёж", "21\u00a0payments before"),
        ({"hour": 14}, "день (час 14)", "daytime (hour 14)"),
        ({"amount": 1995.5}, "сумма 1\u00a0995,50", "amount 1,995.50"),
        ({"category": "misc_net"}, "категория misc_net", "category misc_net"),
        ({"category": None}, "категория, которой модель не знает", "a category that the model does not know"),
        (
            {"count_1h": 3, "sum_1h": 812.4, "risk_1h": 0.1},
            "до этого за час 3\u00a0платежа на 812,40",
            "3\u00a0payments of 812.40 in the hour before",
        ),
        (
            {
                "count_1h": 4.0, "sum_1h": 90.0, "count_24h": 4.0, "sum_24h": 90.0, "count_72h": 6.0, "sum_72h": 100.0,
                "night_count_72h": 5.0, "risk_72h": 2.6,
            },
            "до этого за час 4\u00a0платежа на 90,00, за трое суток 6\u00a0платежей на 100,00, "
            "ночью 5, похожи на фрод 3",
            "4\u00a0payments of 90.00 in the hour, 6\u00a0payments of 100.00 in the 72 hours before, "
            "5 at night, 3 like fraud",
        ),
        (
            {"count_1h": 0.0, "sum_1h": 0.0, "count_72h": 0.0},
            "до этого за трое суток ни одного платежа",
            "no payment in the 72 hours before",
        ),
        ({"count_24h": None}, "прошлое клиента неизвестно", "the customer's past is not known"),
        (
            {"seconds_since_last": 5400.0, "last_amount": 10},
            "прошлый платёж 1,5 ч назад, на 10,00",
            "last payment 1.5 h ago, of 10.00",
        ),
        ({"distance": 12.5, "urban": 1}, "odd: distance = 12,50, urban = 1", "odd: distance = 12.50, urban = 1"),
    ],
)  # fmt: skip
def test_reasons_are_said_in_words(values: dict[str, Any], russian: str, english: str) -> None:
    """A phrase by what the reason brings; a group nobody foresaw is shown as it is."""
    reason = ReasonShown("odd", True, 1.0, values)
    assert in_words(reason, REASON_TEXTS["ru"], RUSSIAN_NUMBERS) == russian
    assert in_words(reason, REASON_TEXTS["en"], ENGLISH_NUMBERS) == english


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
        ({"amount_over_mean": 1e-320}, "прошлое клиента неизвестно"),
    ],
)
def test_values_of_another_version_are_shown_as_they_are(values: dict[str, Any], russian: str) -> None:
    """A place that no list has, or no number at all, is neither named wrongly nor in the way of opening the case."""
    assert in_words(ReasonShown("odd", True, 1.0, values), REASON_TEXTS["ru"], RUSSIAN_NUMBERS) == russian


def test_reasons_are_read_whatever_stands_in_the_table() -> None:
    """The largest first, of either sign; odd ones are left out; none at all is an empty list."""
    found = read_reasons(
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
    assert read_reasons({"feature": "a"}) == read_reasons([]) == []


def test_a_case_is_masked_and_escaped() -> None:
    """First letters alone until the name is asked for; a merchant cannot bring markup."""
    masked = case_render.head(CASE, RUSSIAN, RU, False, 180)
    assert "A••• E•••" in masked
    assert "Test Lane" not in masked
    assert "&lt;b&gt;X&lt;/b&gt;" in masked
    assert "24.11.2026 00:04" in masked  # scored at, by the reader's clock
    assert "Ada Example, 1 Test Lane" in case_render.head(CASE, RUSSIAN, RU, True, 180)
    assert case_render.who(replace(PAYMENT, customer=None), True) == "—"


def test_missing_reasons_are_said_to_be_missing() -> None:
    """Not there yet, there but empty, and not looked for are three things; a score may have changed since the alert."""
    assert "Причины ещё не пришли." in case_render.reasons(CASE, RUSSIAN, RU)
    assert "не выделяется" in case_render.reasons(replace(CASE, alert=Alert([], "v", 0.41)), RUSSIAN, RU)
    found = replace(CASE, alert=Alert([ReasonShown("x", False, 0.5, {"hour": 3})], "<v>", 0.41))
    calm = replace(found, payment=replace(PAYMENT, fraud_flag=0))
    assert "только у подозрительных" in case_render.reasons(calm, RUSSIAN, RU)
    assert "<li" not in case_render.reasons(calm, RUSSIAN, RU)
    told = case_render.reasons(found, RUSSIAN, RU)
    assert "снижает оценку" in told
    assert "--share:0.500" in told
    assert "Модель &lt;v&gt;, порог 0,41" in told


def test_earlier_payments_are_shown_or_said_to_be_none() -> None:
    """Ten rows and how many there are; a first payment; nobody known."""
    assert "последние 1 из 12" in case_render.earlier(CASE, RUSSIAN, RU)
    assert "первый платёж" in case_render.earlier(replace(CASE, earlier=[], earlier_count=0), RUSSIAN, RU)
    unknown = replace(CASE, payment=replace(PAYMENT, customer=None))
    assert "It is not known who paid" in case_render.earlier(unknown, ENGLISH, EN)


def test_verdicts_are_listed_with_who_and_when() -> None:
    """The latest first, in the reader's time; one the page does not know is shown as it is written."""
    given = [
        Given(1, "fraud", "", "local", SCORED_AT),
        Given(2, "returned", "<i>x</i>", "ada", SCORED_AT + timedelta(minutes=1)),
        Given(3, "other", "", "ada", SCORED_AT),
    ]
    told = case_render.verdicts(given, RUSSIAN, RU, 180)
    order = [told.index(word) for word in ("other", "возвращён в очередь", "фрод подтверждён")]
    assert order == sorted(order)
    assert "24.11.2026 00:05" in told
    assert "без входа" in told
    assert "<i>x" not in told


def test_the_queue_says_how_many_wait() -> None:
    """And that there may be more than were looked at."""
    row = QueuedCase("<p>", 0.9, None, None, None, None, None)
    assert "Ждут вердикта: 7. Показаны первые 1." in case_render.queue(Queue([row], 7, more=False), RUSSIAN, RU)
    many = case_render.queue(Queue([row], 1000, more=True), RUSSIAN, RU)
    assert "больше 1\u00a0000" in many
    assert 'data-case="&lt;p&gt;"' in many
    assert "Очередь пуста" in case_render.queue(Queue([], 0, more=False), RUSSIAN, RU)


def test_precision_comes_with_its_uncertainty() -> None:
    """Wilson's interval: 8 of 10 is 49 to 94 %; of nothing nothing is known."""
    low, high = Precision(8, 10).interval()
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert Precision(0, 0).interval() == (0.0, 1.0)
    assert (Precision(5, 5).interval()[1], Precision(0, 5).interval()[0]) == (1.0, 0.0)
    told = case_render.precision(Precision(8, 10), RUSSIAN, RU)
    assert "80\u00a0% — подтверждено 8 из 10. С вероятностью 95 % она между 49\u00a0% и 94\u00a0%" in told


def test_the_chart_has_every_payment_and_stands_out_this_one() -> None:
    """Earlier ones by kind, this one by itself; without a past there is no chart."""
    flagged = replace(EARLIER, fraud_flag=1, transaction_id="e-2")
    unpaid = replace(EARLIER, amount=None)
    chart = payments_chart(replace(CASE, earlier=[EARLIER, flagged, unpaid]), RUSSIAN, RU)
    assert chart is not None
    spec = chart.to_dict()
    assert [point["side"] for point in drawn(spec)] == ["обычные", "подозрительные", "этот платёж"]
    assert spec["usermeta"]["embedOptions"]["formatLocale"]["decimal"] == ","
    assert payments_chart(replace(CASE, earlier=[]), RUSSIAN, RU) is None


def test_a_past_of_hours_is_told_by_the_hour() -> None:
    """Days alone would be the same at every mark."""
    for days, written in ((1, RU.chart_hours), (400, RU.chart_dates)):
        past = replace(EARLIER, event_time=datetime(2020, 6, 21, 22, 14) - timedelta(days=days))
        chart = payments_chart(replace(CASE, earlier=[past]), RUSSIAN, RU)
        assert chart is not None
        assert chart.to_dict()["layer"][0]["encoding"]["x"]["axis"]["format"] == written


def test_what_a_threshold_would_do_is_reckoned_from_the_curve() -> None:
    """100 payments a day like those of the curve: a tenth of its alerts and amounts."""
    found = whatif.expected(CURVE, 0.5, 100.0)
    assert (found.alerts, found.precision, found.recall) == (1.0, 0.8, 0.8)
    assert (found.caught_amount, found.missed_amount) == (450.0, 50.0)
    assert whatif.expected(CURVE, 0.9, 100.0).precision is None


def test_alerts_of_the_stream_and_verdicts_follow_the_threshold() -> None:
    """A score that equals the threshold reaches it."""
    reaching = whatif._reaching([0, 41, 99])  # scores below 0.01, of 0.41, of 0.99
    stream = Stream(3, 2, reaching)
    assert [whatif.alerts_of_stream(stream, one, stream.a_day) for one in (0.01, 0.41, 0.42, 0.99)] == [
        1.0,
        1.0,
        0.5,
        0.5,
    ]
    assert whatif.alerts_of_stream(Stream(0, 0, [0] * 99), 0.5, 10) is None
    judged = [(0.9, True), (0.5, False), (0.45, True)]
    assert whatif.confirmed(judged, 0.5) == Precision(1, 2)
    assert whatif.confirmed(judged, 0.95) == Precision(0, 0)


def test_the_shipped_curve_is_of_the_shipped_model() -> None:
    """At the manifest's threshold it gives the manifest's figures; each lower threshold catches no less."""
    manifest = json.loads((project_root() / "onnx/manifest.json").read_bytes())
    curve = whatif.current_curve(project_root() / "onnx/curve.json")
    assert curve is not None
    assert (curve.version, tuple(curve.thresholds)) == (manifest["version"], whatif.THRESHOLDS)
    figures, found = manifest["figures"]["unseen_customers"], whatif.expected(curve, manifest["threshold"], 1.0)
    assert found.precision == pytest.approx(figures["precision"], abs=5e-4)
    assert found.recall == pytest.approx(figures["recall"], abs=5e-4)
    assert (curve.payments, curve.frauds) == (figures["rows"], figures["frauds"])
    for column in (curve.alerts, curve.caught, curve.caught_amount):
        assert list(column) == sorted(column, reverse=True)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"version": "v", "payments": 1, "frauds": 0, "fraud_amount": 0, '
    '"thresholds": [], "alerts": [], "caught": [], "caught_amount": []}',
    '{"version": "v", "payments": 9, "frauds": 1, "fraud_amount": Infinity, "thresholds": [0.5], '
    '"alerts": [1], "caught": [1], "caught_amount": [1]}'])  # fmt: skip
def test_a_curve_that_cannot_be_used_is_none(tmp_path: Path, content: str) -> None:
    """The page works without one."""
    path = tmp_path / "curve.json"
    assert whatif.current_curve(path) is None
    path.write_text(content)
    assert whatif.current_curve(path) is None


def test_what_if_tells_what_it_does_not_know() -> None:
    """No curve, no database, no model: each is said, and the rest stands."""
    words, model = WHATIF_TEXTS["ru"], ScoringModel("v", 0.5)
    basis = Basis(Stream(4, 2, [2] * 99), [(0.9, True)])
    whole = comparison(0.1, model, CURVE, basis, 100.0, RUSSIAN, words)
    assert "При пороге 0,10" in whole
    assert "100,0\u00a0% (1/1)" in whole
    assert "Ниже 0,50 вердиктов нет" in whole
    assert "нет кривой" in comparison(0.1, model, None, basis, 100.0, RUSSIAN, words)
    away = comparison(0.1, model, CURVE, None, None, RUSSIAN, words)
    assert "База недоступна" in away
    assert "0,0<" not in away, "how many payments a day there are is not known: nor how many alerts"
    nothing = comparison(0.1, None, None, None, 100.0, RUSSIAN, words)
    assert "<table" not in nothing
    spec = curve_chart(CURVE, 0.1, 0.5, RUSSIAN, words).to_dict()
    labels = [one["label"] for one in drawn(spec) if "label" in one]
    assert set(labels) == {"действующий 0,50", "выбранный 0,10"}


def test_the_form_begins_with_a_payment_that_can_be_sent() -> None:
    """The defaults with the time of now are a whole payment, keyed by its customer; each has an id of its own."""
    values = byhand.DEFAULTS | {"transaction_time": byhand.time_now(180)}
    first, second = byhand.compose(values), byhand.compose(values)
    sent = json.loads(first.value)
    assert set(byhand.DEFAULTS) == set(sent["data"]) == set(FIELDS)
    assert set(FIRST) < set(FIELDS)
    assert first.key == b"Maria|Example|1 Example Street"
    assert sent["transaction_id"] == first.transaction_id != second.transaction_id
    assert (sent["data"]["post_code"], sent["data"]["lat"]) == (62701, 39.7817)
    comma = byhand.compose(values | {"amount": " 1995,5 "})
    assert json.loads(comma.value)["data"]["amount"] == 1995.5


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": ""}, "amount"),
        ({"amount": "much"}, "amount"),
        ({"amount": "1e13"}, "amount"),
        ({"transaction_time": "yesterday"}, "transaction_time"),
        ({"post_code": "1.5"}, "post_code"),
        ({"lat": "north"}, "lat"),
        ({"amount": "1,045"}, "amount"),
        ({"amount": "NULL"}, "amount"),
        (dict.fromkeys(FIELDS, ""), "transaction_time"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, str], field: str) -> None:
    """Nothing is sent; the page says which field."""
    with pytest.raises(BadRow) as caught:
        byhand.compose(byhand.DEFAULTS | {"transaction_time": "2020-06-21 22:14"} | changes)
    assert caught.value.field == field


def test_optional_fields_may_be_empty() -> None:
    """Without a name there is no key: the score then knows no past."""
    values = {"transaction_time": "2020-06-21 22:14", "amount": "1", "cat_id": "home"}
    message = byhand.compose(values)
    assert message.key is None
    assert json.loads(message.value)["data"]["name_1"] is None


def test_the_categories_are_the_models(tmp_path: Path) -> None:
    """And none where there is no manifest that can be read."""
    shipped = read_categories(project_root() / "onnx/manifest.json")
    assert byhand.DEFAULTS["cat_id"] in shipped
    assert byhand.SUSPICIOUS["cat_id"] in shipped
    assert read_categories(tmp_path / "nowhere") == ()
    (tmp_path / "manifest.json").write_text('{"version": "v", "threshold": 0.5}')
    assert read_categories(tmp_path / "manifest.json") == ()
