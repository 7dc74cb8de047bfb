"""Says the reasons of an alert in words. Pure; knows how the scorer names features, not how reasons are shown.

A phrase is chosen by the values a reason brings, so a new group of known features still reads well; one of features
not known here is shown by its names and figures.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ui.review.case import ReasonShown, finite
from ui.shell.formats import NARROW_SPACE, Numbers
from ui.shell.texts import Forms

NIGHT_HOURS = frozenset({22, 23, 0, 1, 2, 3})
"""The hours that the scorer's history counts as night."""

WINDOWS = ("1h", "24h", "72h")
TEXTS = frozenset({"category", "gender"})
"""Values that need not be numbers."""


@dataclass(frozen=True, slots=True)
class ReasonTexts:
    """The phrases in one language."""

    amount: str
    above_mean: str
    below_mean: str
    near_mean: str
    of_amount: str
    times: Forms
    no_past: str
    night: str
    hour: str
    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    category: str
    unknown_category: str
    windows: Mapping[str, str]
    pace: str
    in_window: str
    in_window_sum: str
    none_in_window: str
    at_night: str
    like_fraud: str
    payment_forms: Forms
    since_last: str
    last_amount: str
    units: tuple[str, str, str]
    so_far: str
    first: str
    town: str
    people: Forms
    gender: str
    groups: Mapping[str, str]


Phrase = Callable[[Mapping[str, Any], ReasonTexts, Numbers], str | None]


def in_words(reason: ReasonShown, texts: ReasonTexts, numbers: Numbers) -> str:
    """Return a reason as a phrase, such as «сумма в 28,8 раза выше средней клиента»."""
    values = reason.values
    phrase = next((phrase for name, phrase in _PHRASES.items() if name in values), None)
    known = all(name in TEXTS or _is_number(value) for name, value in values.items())
    if phrase is not None and known and (said := phrase(values, texts, numbers)) is not None:
        return said or texts.no_past
    if not values:
        return texts.groups.get(reason.feature, reason.feature)
    listed = ", ".join(f"{name} = {_plain(value, numbers)}" for name, value in values.items())
    return f"{texts.groups.get(reason.feature, reason.feature)}: {listed}"


def _amount(values: Mapping[str, Any], texts: ReasonTexts, numbers: Numbers) -> str:
    """Say how the amount stands to the customer's mean, and else what it is."""
    amount, compared = finite(values.get("amount")), _over_mean(values, texts, numbers)
    if amount is None:
        return compared
    written = numbers.decimal(amount, 2)
    return f"{compared} {texts.of_amount.format(amount=written)}" if compared else texts.amount.format(amount=written)


def _over_mean(values: Mapping[str, Any], texts: ReasonTexts, numbers: Numbers) -> str:
    ratio = finite(values.get("amount_over_mean"))
    if ratio is None or ratio <= 0:
        return ""
    above = ratio >= 1
    shown = round(ratio if above else 1 / ratio, 1)
    if not math.isfinite(shown):  # 1 / 1e-320
        return ""
    if shown == 1:
        return texts.near_mean
    fraction = f"{numbers.decimal(shown, 1)}{NARROW_SPACE}{texts.times[1]}"
    times = numbers.counted(int(shown), texts.times) if shown.is_integer() else fraction
    return (texts.above_mean if above else texts.below_mean).format(times=times)


def _pace(values: Mapping[str, Any], texts: ReasonTexts, numbers: Numbers) -> str | None:
    """Say how many payments there were, what they came to, and how many of them were at night and like frauds.

    A window is left out if it holds no more than a shorter one. The risks of payments are probabilities: together
    they come to the number of frauds that is expected among them.
    """
    counts = {window: count for window in WINDOWS if (count := finite(values.get(f"count_{window}"))) is not None}
    if not counts:
        return ""
    longest = list(counts)[-1]
    if not counts[longest]:
        return texts.none_in_window.format(window=texts.windows[longest])
    said, before = [], 0.0
    for window, count in counts.items():
        if count > before:
            said.append(_in_window(window, count, finite(values.get(f"sum_{window}")), texts, numbers))
            before = count
    if not said:  # numbers of payments below zero
        return None
    parts = [texts.pace.format(windows=", ".join(said))]
    for name, text in (("night_count", texts.at_night), ("risk", texts.like_fraud)):
        if several := round(finite(values.get(f"{name}_{longest}")) or 0):
            parts.append(text.format(count=numbers.whole(several)))
    return ", ".join(parts)


def _in_window(window: str, count: float, total: float | None, texts: ReasonTexts, numbers: Numbers) -> str:
    pattern = texts.in_window if total is None else texts.in_window_sum
    amount = "" if total is None else numbers.decimal(total, 2)
    counted = numbers.counted(round(count), texts.payment_forms)
    return pattern.format(window=texts.windows[window], payments_counted=counted, amount=amount)


def _since_last(values: Mapping[str, Any], texts: ReasonTexts, numbers: Numbers) -> str:
    seconds, amount = finite(values.get("seconds_since_last")), finite(values.get("last_amount"))
    if seconds is None:
        return ""
    said = texts.since_last.format(time=_duration(seconds, texts, numbers))
    return said if amount is None else f"{said}, {texts.last_amount.format(amount=numbers.decimal(amount, 2))}"


def _hour(values: Mapping[str, Any], texts: ReasonTexts, numbers: Numbers) -> str | None:
    hour, minute = finite(values.get("hour")), finite(values.get("minute_of_day"))
    if hour is None and minute is not None:
        hour = minute // 60
    if hour is None:
        return ""
    if hour not in range(24):
        return None
    return (texts.night if hour in NIGHT_HOURS else texts.hour).format(hour=numbers.whole(int(hour)))


def _date(values: Mapping[str, Any], texts: ReasonTexts, _: Numbers) -> str | None:
    said = []
    for field, names, first in (("weekday", texts.weekdays, 0), ("month", texts.months, 1)):
        number = finite(values.get(field))
        if number is not None:
            said.append(_named(number - first, names))
    return None if None in said else ", ".join(filter(None, said))


def _named(place: float, names: Sequence[str]) -> str | None:
    """Return the name at a place, or None where there is none: another version may count otherwise."""
    return names[int(place)] if place in range(len(names)) else None


def _category(values: Mapping[str, Any], texts: ReasonTexts, numbers: Numbers) -> str:
    category = values["category"]
    return texts.unknown_category if category is None else texts.category.format(category=_plain(category, numbers))


def _so_far(values: Mapping[str, Any], texts: ReasonTexts, numbers: Numbers) -> str:
    count = finite(values.get("count_so_far"))
    if count is None:
        return ""
    return (
        texts.so_far.format(payments_counted=numbers.counted(round(count), texts.payment_forms))
        if count
        else texts.first
    )


def _customer(values: Mapping[str, Any], texts: ReasonTexts, numbers: Numbers) -> str:
    people = finite(values.get("population"))
    counted = "" if people is None else numbers.counted(round(people), texts.people)
    said = ["" if people is None else texts.town.format(people_counted=counted)]
    said.append(texts.gender if "gender" in values else "")
    return ", ".join(filter(None, said))


_PHRASES: dict[str, Phrase] = {
    "amount": _amount,
    "amount_over_mean": _over_mean,
    **dict.fromkeys((f"count_{window}" for window in WINDOWS), _pace),
    "seconds_since_last": _since_last,
    "hour": _hour,
    "minute_of_day": _hour,
    "weekday": _date,
    "month": _date,
    "category": _category,
    "count_so_far": _so_far,
    "population": _customer,
    "gender": _customer,
}
"""The value that decides, in order of precedence, and what is then said.

"" means that there is no past, None that the values are not what the phrase knows: then they are shown as they are.
"""


def _duration(seconds: float, texts: ReasonTexts, numbers: Numbers) -> str:
    """Return seconds in minutes, hours or days, whichever is the largest that is reached."""
    minutes, hours, days = texts.units
    if seconds < 3600:
        return f"{numbers.whole(round(seconds / 60))} {minutes}"
    if seconds < 48 * 3600:
        return f"{numbers.decimal(seconds / 3600, 1)} {hours}"
    return f"{numbers.whole(round(seconds / 86400))} {days}"


def _is_number(value: Any) -> bool:
    """Return whether a phrase can be made of a value: a finite number, or null or NaN for a past that is not there."""
    return value is None or finite(value) is not None or value != value  # noqa: PLR0124  # NaN is not itself


def _plain(value: Any, numbers: Numbers) -> str:
    """Return any value as a reader of the language writes it."""
    number = finite(value)
    if number is None:
        return "—" if value is None else str(value)
    return numbers.whole(int(number)) if number.is_integer() else numbers.decimal(number, 2)


RUSSIAN = ReasonTexts(
    amount="сумма {amount}",
    above_mean="сумма в {times} выше средней клиента",
    below_mean="сумма в {times} ниже средней клиента",
    near_mean="сумма около средней клиента",
    of_amount="({amount})",
    times=("раз", "раза", "раз"),
    no_past="прошлое клиента неизвестно",
    night="ночь, 22–03 (час {hour})",
    hour="день (час {hour})",
    weekdays=("понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье"),
    months=(
        "январь",
        "февраль",
        "март",
        "апрель",
        "май",
        "июнь",
        "июль",
        "август",
        "сентябрь",
        "октябрь",
        "ноябрь",
        "декабрь",
    ),
    category="категория {category}",
    unknown_category="категория, которой модель не знает",
    windows={"1h": "час", "24h": "сутки", "72h": "трое суток"},
    pace="до этого {windows}",
    in_window="за {window} {payments_counted}",
    in_window_sum="за {window} {payments_counted} на {amount}",
    none_in_window="до этого за {window} ни одного платежа",
    at_night="ночью {count}",
    like_fraud="похожи на фрод {count}",
    payment_forms=("платёж", "платежа", "платежей"),
    since_last="прошлый платёж {time} назад",
    last_amount="на {amount}",
    units=("мин", "ч", "дн."),
    so_far="до этого {payments_counted}",
    first="первый платёж клиента",
    town="в городе клиента {people_counted}",
    people=("житель", "жителя", "жителей"),
    gender="пол клиента",
    groups={
        "amount": "сумма",
        "category": "категория",
        "hour": "время суток",
        "date": "день недели и месяц",
        "pace": "частота платежей",
        "last": "прошлый платёж",
        "past": "прошлое клиента",
        "customer": "город и пол клиента",
        "distance": "расстояние до продавца",
    },
)

ENGLISH = ReasonTexts(
    amount="amount {amount}",
    above_mean="amount {times} the customer's mean",
    below_mean="amount {times} below the customer's mean",
    near_mean="amount near the customer's mean",
    of_amount="({amount})",
    times=("time", "times", "times"),
    no_past="the customer's past is not known",
    night="night, 22–03 (hour {hour})",
    hour="daytime (hour {hour})",
    weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    months=(
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
    category="category {category}",
    unknown_category="a category that the model does not know",
    windows={"1h": "hour", "24h": "24 hours", "72h": "72 hours"},
    pace="{windows} before",
    in_window="{payments_counted} in the {window}",
    in_window_sum="{payments_counted} of {amount} in the {window}",
    none_in_window="no payment in the {window} before",
    at_night="{count} at night",
    like_fraud="{count} like fraud",
    payment_forms=("payment", "payments", "payments"),
    since_last="last payment {time} ago",
    last_amount="of {amount}",
    units=("min", "h", "days"),
    so_far="{payments_counted} before",
    first="the customer's first payment",
    town="{people_counted} in the customer's town",
    people=("person", "people", "people"),
    gender="the customer's gender",
    groups={
        "amount": "amount",
        "category": "category",
        "hour": "time of day",
        "date": "day of the week and month",
        "pace": "pace of payments",
        "last": "last payment",
        "past": "the customer's past",
        "customer": "the customer's town and gender",
        "distance": "distance to the merchant",
    },
)

REASON_TEXTS = {"ru": RUSSIAN, "en": ENGLISH}
