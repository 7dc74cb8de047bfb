"""Says the reasons of an alert in words. Pure; knows how the scorer names features, not how reasons are shown.

A phrase is chosen by the values a reason brings, so a new group of known features still reads well; one of features
not known here is shown by its names and figures.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ui.case import Reason
from ui.formats import NARROW_SPACE, Numbers
from ui.texts import Forms

NIGHT_HOURS = frozenset({22, 23, 0, 1, 2, 3})
"""The hours that the scorer's history counts as night."""

WINDOWS = ("1h", "24h", "72h")


@dataclass(frozen=True, slots=True)
class ReasonTexts:
    """The phrases in one language."""

    amount: str
    above_mean: str
    below_mean: str
    times: Forms
    no_past: str
    night: str
    hour: str
    hour_and_more: str
    weekdays: tuple[str, ...]
    category: str
    windows: Mapping[str, str]
    pace: str
    pace_sum: str
    payment_forms: Forms
    since_last: str
    last_amount: str
    units: tuple[str, str, str]
    so_far: str
    town: str
    people: Forms
    gender: str
    month: str
    groups: Mapping[str, str]


Phrase = Callable[[Mapping[str, Any], ReasonTexts, Numbers], str]


def in_words(reason: Reason, texts: ReasonTexts, numbers: Numbers) -> str:
    """Return a reason as a phrase, such as «сумма в 28,8 раза выше средней клиента»."""
    values = reason.values
    for name, phrase in _PHRASES.items():
        if name in values:
            return phrase(values, texts, numbers) or texts.no_past
    if not values:
        return texts.groups.get(reason.feature, reason.feature)
    listed = ", ".join(f"{name} = {_plain(value, numbers)}" for name, value in values.items())
    return f"{texts.groups.get(reason.feature, reason.feature)}: {listed}"


def _over_mean(values: Mapping[str, Any], texts: ReasonTexts, numbers: Numbers) -> str:
    ratio = _number(values, "amount_over_mean")
    if ratio is None or ratio <= 0:
        return ""
    above = ratio >= 1
    shown = round(ratio if above else 1 / ratio, 1)
    fraction = f"{numbers.decimal(shown, 1)}{NARROW_SPACE}{texts.times[1]}"
    times = numbers.counted(int(shown), texts.times) if shown.is_integer() else fraction
    return (texts.above_mean if above else texts.below_mean).format(times=times)


def _pace(values: Mapping[str, Any], texts: ReasonTexts, numbers: Numbers) -> str:
    """Say how many payments there were in each window, and what they came to where that is known."""
    said = []
    for window in WINDOWS:
        count, total = _number(values, f"count_{window}"), _number(values, f"sum_{window}")
        if count is None:
            continue
        payments = numbers.counted(round(count), texts.payment_forms)
        pattern = texts.pace if total is None else texts.pace_sum
        amount = "" if total is None else numbers.decimal(total, 2)
        said.append(pattern.format(window=texts.windows[window], payments_counted=payments, amount=amount))
    return ", ".join(said)


def _since_last(values: Mapping[str, Any], texts: ReasonTexts, numbers: Numbers) -> str:
    seconds, amount = _number(values, "seconds_since_last"), _number(values, "last_amount")
    if seconds is None:
        return ""
    said = texts.since_last.format(time=_duration(seconds, texts, numbers))
    return said if amount is None else f"{said}, {texts.last_amount.format(amount=numbers.decimal(amount, 2))}"


def _hour(values: Mapping[str, Any], texts: ReasonTexts, numbers: Numbers) -> str:
    hour = _number(values, "hour")
    if hour is None:
        return ""
    said = (texts.night if round(hour) in NIGHT_HOURS else texts.hour).format(hour=numbers.whole(round(hour)))
    weekday = _number(values, "weekday")
    if weekday is None or not 0 <= weekday < len(texts.weekdays):
        return said
    return texts.hour_and_more.format(hour=said, weekday=texts.weekdays[round(weekday)])


def _category(values: Mapping[str, Any], texts: ReasonTexts, numbers: Numbers) -> str:
    return texts.category.format(category=_plain(values["category"], numbers))


def _amount(values: Mapping[str, Any], texts: ReasonTexts, numbers: Numbers) -> str:
    amount = _number(values, "amount")
    return "" if amount is None else texts.amount.format(amount=numbers.decimal(amount, 2))


def _so_far(values: Mapping[str, Any], texts: ReasonTexts, numbers: Numbers) -> str:
    count = _number(values, "count_so_far")
    return "" if count is None else texts.so_far.format(payments_counted=_payments(count, texts, numbers))


def _payments(count: float, texts: ReasonTexts, numbers: Numbers) -> str:
    return numbers.counted(round(count), texts.payment_forms)


def _town(values: Mapping[str, Any], texts: ReasonTexts, numbers: Numbers) -> str:
    people = _number(values, "population")
    return "" if people is None else texts.town.format(people_counted=numbers.counted(round(people), texts.people))


def _month(values: Mapping[str, Any], texts: ReasonTexts, numbers: Numbers) -> str:
    return texts.month.format(month=_plain(values["month"], numbers))


_PHRASES: dict[str, Phrase] = {
    "amount_over_mean": _over_mean,
    **dict.fromkeys((f"count_{window}" for window in WINDOWS), _pace),
    "seconds_since_last": _since_last,
    "hour": _hour,
    "category": _category,
    "amount": _amount,
    "count_so_far": _so_far,
    "population": _town,
    "gender": lambda _, texts, __: texts.gender,
    "month": _month,
}
"""The value that decides, in order of precedence, and what is then said; "" means that there is no past."""


def _duration(seconds: float, texts: ReasonTexts, numbers: Numbers) -> str:
    """Return seconds in minutes, hours or days, whichever is the largest that is reached."""
    minutes, hours, days = texts.units
    if seconds < 3600:
        return f"{numbers.whole(round(seconds / 60))} {minutes}"
    if seconds < 48 * 3600:
        return f"{numbers.decimal(seconds / 3600, 1)} {hours}"
    return f"{numbers.whole(round(seconds / 86400))} {days}"


def _number(values: Mapping[str, Any], name: str) -> float | None:
    """Return a value if it is a finite number: a past that is not there comes as null."""
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124  # NaN
        return None
    return float(value)


def _plain(value: Any, numbers: Numbers) -> str:
    """Return any value as a reader of the language writes it."""
    if isinstance(value, float) and not value.is_integer():
        return numbers.decimal(value, 2)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return numbers.whole(round(value))
    return "—" if value is None else str(value)
