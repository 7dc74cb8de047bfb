"""Writes the reasons of an alert as phrases. Pure.

The phrase depends on the values that a reason brings, not on its group, so another grouping of known features still
reads well; values not known here are shown by name.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ui.review.case import AlertReason, finite
from ui.review.texts import ReasonTexts
from ui.shell.formats import Numbers

NIGHT_HOURS = frozenset({22, 23, 0, 1, 2, 3})
"""The hours that the scorer's history counts as night."""

WINDOWS = ("1h", "24h", "72h")
TEXT_VALUES = frozenset({"category", "gender"})
"""Values that need not be numbers."""

Phrase = Callable[[Mapping[str, Any], ReasonTexts, Numbers], str | None]


def in_words(reason: AlertReason, texts: ReasonTexts, numbers: Numbers) -> str:
    """Return a reason as a phrase, such as «сумма в 28,8 раза выше средней по клиенту»."""
    values = reason.values
    phrase = next((phrase for name, phrase in _PHRASES.items() if name in values), None)
    known = all(name in TEXT_VALUES or _is_number(value) for name, value in values.items())
    if phrase is not None and known and (written := phrase(values, texts, numbers)) is not None:
        return written or texts.no_history
    group = texts.groups.get(reason.feature, reason.feature)
    listed = ", ".join(f"{name} = {_plain(value, numbers)}" for name, value in values.items())
    return f"{group}: {listed}" if listed else group


def _amount(values: Mapping[str, Any], texts: ReasonTexts, numbers: Numbers) -> str:
    """Compare the amount with the customer's mean if that is known."""
    amount, compared = finite(values.get("amount")), _over_mean(values, texts, numbers)
    if amount is None:
        return compared
    written = numbers.decimal(amount, 2)
    return f"{compared} {texts.in_brackets.format(amount=written)}" if compared else texts.amount.format(amount=written)


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
    if shown.is_integer():
        times = numbers.whole(int(shown)) + texts.times[numbers.plural_form(int(shown))]
    else:
        times = numbers.decimal(shown, 1) + texts.times[1]
    return (texts.above_mean if above else texts.below_mean).format(times=times)


def _pace(values: Mapping[str, Any], texts: ReasonTexts, numbers: Numbers) -> str | None:
    """Say how many transactions there were, their sum, how many at night and how many similar to fraud.

    A window is left out if it holds no more than a shorter one. The risks of transactions are probabilities: their sum
    is the number of frauds to be expected among them.
    """
    counts = {window: count for window in WINDOWS if (count := finite(values.get(f"count_{window}"))) is not None}
    if not counts:
        return ""
    longest = list(counts)[-1]
    if not counts[longest]:
        return texts.none_in_window.format(window=texts.windows[longest])
    parts, before = [], 0.0
    for window, count in counts.items():
        if count > before:
            parts.append(_in_window(window, count, finite(values.get(f"sum_{window}")), texts, numbers))
            before = count
    if not parts:  # negative counts
        return None
    for name, text in (("night_count", texts.at_night), ("risk", texts.like_fraud)):
        if several := round(finite(values.get(f"{name}_{longest}")) or 0):
            parts.append(text.format(count=numbers.whole(several)))
    return ", ".join(parts)


def _in_window(window: str, count: float, total: float | None, texts: ReasonTexts, numbers: Numbers) -> str:
    pattern = texts.in_window if total is None else texts.in_window_sum
    amount = "" if total is None else numbers.decimal(total, 2)
    counted = numbers.counted(round(count), texts.transaction_forms)
    return pattern.format(window=texts.windows[window], transactions_counted=counted, amount=amount)


def _since_last(values: Mapping[str, Any], texts: ReasonTexts, numbers: Numbers) -> str:
    seconds, amount = finite(values.get("seconds_since_last")), finite(values.get("last_amount"))
    if seconds is None:
        return ""
    written = texts.since_last.format(time=_duration(seconds, texts, numbers))
    return written if amount is None else f"{written}, {texts.last_amount.format(amount=numbers.decimal(amount, 2))}"


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
    parts = []
    for name, names, first in (("weekday", texts.weekdays, 0), ("month", texts.months, 1)):
        number = finite(values.get(name))
        if number is not None:
            parts.append(_name_at(number - first, names))
    return None if None in parts else ", ".join(filter(None, parts))


def _name_at(place: float, names: Sequence[str]) -> str | None:
    """Return the name at a place, or None where there is none: another version may count otherwise."""
    return names[int(place)] if place in range(len(names)) else None


def _category(values: Mapping[str, Any], texts: ReasonTexts, numbers: Numbers) -> str:
    category = values["category"]
    return texts.unknown_category if category is None else texts.category.format(category=_plain(category, numbers))


def _so_far(values: Mapping[str, Any], texts: ReasonTexts, numbers: Numbers) -> str:
    count = finite(values.get("count_so_far"))
    if count is None:
        return ""
    counted = numbers.counted(round(count), texts.transaction_forms)
    return texts.so_far.format(transactions_counted=counted) if count else texts.first


def _customer(values: Mapping[str, Any], texts: ReasonTexts, numbers: Numbers) -> str:
    people, parts = finite(values.get("population")), []
    if people is not None:
        parts.append(texts.town.format(people_counted=numbers.counted(round(people), texts.people)))
    if "gender" in values:
        parts.append(texts.gender)
    return ", ".join(parts)


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
"""Name of a value -> its phrase, in order of precedence.

A phrase of "" means that there is no history, None that the values are not what it expects: they are then listed.
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
    """Return whether a phrase can be made of a value: a finite number, or null or NaN where there is no history."""
    return value is None or finite(value) is not None or value != value  # noqa: PLR0124  # NaN is not itself


def _plain(value: Any, numbers: Numbers) -> str:
    """Return any value as a reader of the language writes it."""
    number = finite(value)
    if number is None:
        return "—" if value is None else str(value)
    return numbers.whole(int(number)) if number.is_integer() else numbers.decimal(number, 2)
