"""Writes the reasons of an alert as phrases, from the contract's features: operation, label of its field, window. Pure.

Values that are not known here, of an alert of another contract or version, are shown by name.
"""

import math
from collections.abc import Sequence
from typing import Any

from ui.review.case import AlertReason, finite
from ui.review.features import NIGHT, OF_THE_PAST, RISK, Feature, Features
from ui.review.texts import ReasonTexts
from ui.shell.formats import Numbers
from ui.shell.render import MASK

UNITS = (1, 60, 3_600, 86_400)
"""Seconds of the units in ReasonTexts.units."""

Value = tuple[Feature, Any]


class _Odd(Exception):
    """A value is not what its feature gives: another version may count otherwise."""


def in_words(reason: AlertReason, features: Features, texts: ReasonTexts, numbers: Numbers) -> str:
    """Return a reason as a phrase, such as «сумма в 28,8 раза выше средней по клиенту»."""
    known = [(features.by_name[name], value) for name, value in reason.values.items() if name in features.by_name]
    if len(known) == len(reason.values) and all(_fits(*one) for one in known):
        try:
            if phrase := _Phrase(known, features.night, texts, numbers).written():
                return phrase
        except _Odd:
            pass
    group = features.labels.get(reason.feature, texts.groups.get(reason.feature, reason.feature))
    personal = {feature.name for feature, _ in known if feature.personal}
    listed = ", ".join(
        f"{name} = {MASK if name in personal else _plain(value, numbers)}" for name, value in reason.values.items()
    )
    return f"{group}: {listed}" if listed else group


class _Phrase:
    """A reason under way: what has been said is taken out of the values."""

    def __init__(
        self, values: Sequence[Value], night: tuple[int, int] | None, texts: ReasonTexts, numbers: Numbers
    ) -> None:
        self._seen_past = any(feature.operation in OF_THE_PAST for feature, _ in values)
        self._values = [one for one in values if finite(one[1]) is not None or one[0].is_text]
        self._night, self._texts, self._numbers = night, texts, numbers

    def written(self) -> str:
        """Return the phrase; "" if there is nothing to say."""
        # A derived number is the model's own and means little to a reader: it is said only if nothing else is.
        parts = [
            *self._masked(), *self._means(), *self._counts(), *self._since_last(), *self._time(), *self._categories(),
            *self._others(derived=False),
        ]  # fmt: skip
        said = ", ".join(parts or self._others(derived=True))
        return said or (self._texts.no_history if self._seen_past else "")

    def _take(self, operation: str, role: str | None = None, operand: str | None = None) -> list[Value]:
        """Take the values of an operation out, those of a role or an operand only if one is given."""
        taken = [
            one
            for one in self._values
            if one[0].operation == operation
            and (role is None or one[0].role == role)
            and (operand is None or one[0].operand == operand)
        ]
        self._values = [one for one in self._values if one not in taken]
        return taken

    def _number(self, operation: str, role: str) -> float | None:
        return next((float(value) for _, value in self._take(operation, role)), None)

    def _masked(self) -> list[str]:
        masked = [feature for feature, _ in self._values if feature.personal]
        self._values = [one for one in self._values if not one[0].personal]
        return [self._texts.value.format(label=feature.label, value=MASK) for feature in masked]

    def _means(self) -> list[str]:
        """Compare numbers with the customer's means, the number in brackets; an amount alone is said as it is."""
        texts, parts = self._texts, []
        for feature, ratio in self._take("ratio_to_mean"):
            if compared := self._over_mean(feature, float(ratio)):
                own = [self._amount(value) for _, value in self._take("field", operand=feature.operand)]
                parts.append(" ".join([compared, *(texts.in_brackets.format(amount=one) for one in own)]))
        return parts + [texts.amount.format(amount=self._amount(value)) for _, value in self._take("field", "amount")]

    def _over_mean(self, feature: Feature, ratio: float) -> str:
        texts, numbers = self._texts, self._numbers
        if ratio <= 0:
            return ""
        above = ratio >= 1
        shown = round(ratio if above else 1 / ratio, 1)
        if not math.isfinite(shown):  # 1 / 1e-320
            return ""
        near, higher, lower = (
            (texts.near_mean, texts.above_mean, texts.below_mean)
            if feature.role == "amount"
            else (texts.number_near_mean, texts.number_above_mean, texts.number_below_mean)
        )
        if shown == 1:
            return self._within(near.format(label=feature.label), feature)
        if shown.is_integer():
            times = numbers.whole(int(shown)) + texts.times[numbers.plural_form(int(shown))]
        else:
            times = numbers.decimal(shown, 1) + texts.times[1]
        return self._within((higher if above else lower).format(label=feature.label, times=times), feature)

    def _counts(self) -> list[str]:
        """Say how many transactions there were, their sum, how many at night and how many similar to fraud.

        A window is left out if it holds no more than a shorter one. The risks of transactions are probabilities: their
        sum is the number of frauds to be expected among them.
        """
        texts, whole = self._texts, self._numbers.whole
        found = {feature.within: float(count) for feature, count in self._take("count")}
        so_far, counts = found.pop(None, None), dict(sorted((w, count) for w, count in found.items() if w))
        parts = [] if so_far is None else [self._so_far(so_far)]
        if not counts:
            return parts
        longest = max(counts)
        sums, at_night, like_fraud = (
            {feature.within: float(value) for feature, value in self._take("sum", role)}
            for role in ("amount", NIGHT, RISK)
        )
        if not counts[longest]:
            return [*parts, texts.none_in_window.format(window=self._window(longest))]
        before = 0.0
        for window, count in counts.items():
            if count > before:
                parts.append(self._in_window(window, count, sums.get(window)))
                before = count
        if not before:  # negative counts
            raise _Odd
        for several, text in ((at_night, texts.at_night), (like_fraud, texts.like_fraud)):
            if number := round(several.get(longest, 0.0)):
                parts.append(text.format(count=whole(number)))
        return parts

    def _so_far(self, count: float) -> str:
        counted = self._numbers.counted(round(count), self._texts.transaction_forms)
        return self._texts.so_far.format(transactions_counted=counted) if count else self._texts.first

    def _in_window(self, window: int, count: float, total: float | None) -> str:
        texts = self._texts
        pattern = texts.in_window if total is None else texts.in_window_sum
        amount = "" if total is None else self._amount(total)
        counted = self._numbers.counted(round(count), texts.transaction_forms)
        return pattern.format(window=self._window(window), transactions_counted=counted, amount=amount)

    def _since_last(self) -> list[str]:
        seconds = next((float(value) for _, value in self._take("seconds_since_last")), None)
        if seconds is None:
            return []
        parts = [self._texts.since_last.format(time=self._duration(seconds))]
        if (amount := self._number("last", "amount")) is not None:
            parts.append(self._texts.last_amount.format(amount=self._amount(amount)))
        return parts

    def _time(self) -> list[str]:
        """Say the event's hour, day of the week and month."""
        texts, parts = self._texts, []
        hour, minute = self._number("hour", "event_time"), self._number("minute_of_day", "event_time")
        if hour is None and minute is not None:
            hour = minute // 60
        if hour is not None:
            parts.append(self._hour(hour))
        for operation, names, first in (("weekday", texts.weekdays, 0), ("month", texts.months, 1)):
            if (number := self._number(operation, "event_time")) is not None:
                if number - first not in range(len(names)):
                    raise _Odd
                parts.append(names[int(number - first)])
        return parts

    def _hour(self, hour: float) -> str:
        if hour not in range(24):
            raise _Odd
        written = self._numbers.whole(int(hour))
        if self._night is None:
            return self._texts.plain_hour.format(hour=written)
        first, end = self._night
        if (first <= hour < end) if first <= end else (hour >= first or hour < end):
            return self._texts.night.format(hour=written, first=f"{first:02}", last=f"{(end - 1) % 24:02}")
        return self._texts.hour.format(hour=written)

    def _categories(self) -> list[str]:
        """Say the category; that of another field is one of the others."""
        texts = self._texts
        return [
            texts.unknown_category if value is None else texts.category.format(category=_plain(value, self._numbers))
            for operation in ("code", "field")
            for _, value in self._take(operation, "category")
        ]

    def _others(self, *, derived: bool) -> list[str]:
        """Say what is left by its label."""
        made = (NIGHT, RISK, "derived")
        return [
            self._other(feature, value)
            for feature, value in self._values
            if value is not None and (derived or feature.role not in made)
        ]

    def _other(self, feature: Feature, value: Any) -> str:
        texts = self._texts
        label = feature.label or feature.name
        if feature.operation not in {"field", "code", *texts.of_the_past}:
            label = texts.made_of.format(label=label, name=feature.name)
        pattern = texts.of_the_past.get(feature.operation, texts.value)
        return self._within(pattern.format(label=label, value=_plain(value, self._numbers)), feature)

    def _within(self, phrase: str, feature: Feature) -> str:
        """Return a phrase with the feature's window, if it has one."""
        if feature.within is None:
            return phrase
        return f"{phrase} {self._texts.over_window.format(window=self._window(feature.within))}"

    def _window(self, seconds: int) -> str:
        texts = self._texts
        if seconds in texts.windows:
            return texts.windows[seconds]
        unit = max(place for place, size in enumerate(UNITS) if not seconds % size)
        length = f"{self._numbers.whole(seconds // UNITS[unit])}\u00a0{texts.units[unit]}"
        return texts.other_window.format(length=length)

    def _duration(self, seconds: float) -> str:
        """Return seconds in minutes, hours or days, whichever is the largest that is reached."""
        numbers, (_, minutes, hours, days) = self._numbers, self._texts.units
        if seconds < 3600:
            return f"{numbers.whole(round(seconds / 60))} {minutes}"
        if seconds < 48 * 3600:
            return f"{numbers.decimal(seconds / 3600, 1)} {hours}"
        return f"{numbers.whole(round(seconds / 86400))} {days}"

    def _amount(self, value: Any) -> str:
        return self._numbers.decimal(float(value), 2)


def _fits(feature: Feature, value: Any) -> bool:
    """Return whether a phrase can be made of a value: a number, a text of a text's feature, null or NaN if missing."""
    if isinstance(value, str):
        return feature.is_text
    return value is None or finite(value) is not None or value != value  # noqa: PLR0124  # NaN is not itself


def _plain(value: Any, numbers: Numbers) -> str:
    """Return any value as a reader of the language writes it."""
    number = finite(value)
    if number is None:
        return "—" if value is None else str(value)
    return numbers.whole(int(number)) if number.is_integer() else numbers.decimal(number, 2)
