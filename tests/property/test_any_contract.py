"""The history of any contract against a plain definition: random numbers and readings, cut and restarted anywhere.

Sums of amounts, which are multiples of 1/64, of flags and of hours are exact; of fees, which are cents, up to rounding.
"""

import math
from bisect import insort
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.common.contract.load import to_contract
from services.scorer.compile import compile_features
from services.scorer.decode import Columns
from services.scorer.features import FeaturePlan
from services.scorer.history import store
from services.scorer.history.changelog import from_records, to_records
from services.scorer.history.events import Events
from services.scorer.history.history import History
from services.scorer.history.look_back import Reading
from services.scorer.operations.past import PAST_OPERATIONS
from services.scorer.recall import to_events
from tests.support.profiles import fixed

FEW_EVENTS = 8
"""Events kept of a customer, so that most of them are evicted."""

MONDAY = 1_546_819_200  # 2019-01-07 00:00
DERIVED: dict[str, dict[str, Any]] = {
    "night": {"hour_between": "at", "first": 22, "end": 4},
    "hour_of_day": {"hour": "at"},
    "big": {"above": "amount", "limit": 3.0},
    "dear": {"above": "fee", "limit": 3.0},
    "free": {"is_missing": "fee"},
    "rest": {"difference": ["amount", "fee"]},
}
ALWAYS_THERE = ("amount", "night", "hour_of_day", "big", "free")
NUMBERS = (*ALWAYS_THERE, "fee", "dear", "rest")
INEXACT = ("fee", "rest")


@dataclass(frozen=True, slots=True)
class Payment:
    """What a record holds; the fee may be missing."""

    customer: int
    seconds: int
    amount: float
    fee: float
    number: int

    def value(self, name: str) -> float:
        """Return a number by its definition in plain words, as float32 keeps it; NaN if it is missing."""
        hour, known = self.seconds % 86_400 // 3_600, not math.isnan(self.fee)
        return float(
            np.float32(
                {
                    "amount": self.amount,
                    "fee": self.fee,
                    "night": float(hour >= 22 or hour < 4),
                    "hour_of_day": float(hour),
                    "big": float(self.amount > 3),
                    "dear": float(self.fee > 3) if known else math.nan,
                    "free": float(not known),
                    "rest": self.amount - self.fee,
                }[name]
            )
        )


@dataclass
class _Customer:
    kept: list[Payment] = field(default_factory=list)
    forgotten: list[Payment] = field(default_factory=list)


class Plain:
    """All payments in lists, searched from end to end."""

    def __init__(self, readings: Sequence[Reading]) -> None:
        self._readings = readings
        self._customers: dict[int, _Customer] = defaultdict(_Customer)

    def observe(self, payment: Payment) -> list[float]:
        """Take a payment in and return what it sees; nothing if it comes too late."""
        customer = self._customers[payment.customer]
        kept, forgotten = customer.kept, customer.forgotten
        is_new = (payment.seconds, payment.number) not in [(one.seconds, one.number) for one in kept]
        is_late = forgotten and payment.seconds < kept[0].seconds
        if is_new and not is_late and len(kept) == FEW_EVENTS:
            forgotten += kept[: FEW_EVENTS // 2]
            del kept[: FEW_EVENTS // 2]
        if forgotten and payment.seconds < kept[0].seconds:
            return [math.nan] * len(self._readings)
        if is_new:
            insort(kept, payment, key=lambda one: one.seconds)
        earlier = [one for one in kept if one.seconds < payment.seconds]
        return [_seen(reading, payment, earlier, forgotten) for reading in self._readings]


def _seen(reading: Reading, payment: Payment, earlier: list[Payment], forgotten: list[Payment]) -> float:
    name, within = reading.number or "amount", reading.within
    inside = forgotten + earlier if within is None else [e for e in earlier if e.seconds >= payment.seconds - within]
    known = [value for value in (one.value(name) for one in inside) if not math.isnan(value)]
    total = math.fsum(known)
    found: dict[str, float] = {
        "count": len(inside),
        "sum": total,
        "mean": total / len(inside) if inside else math.nan,
        "ratio_to_mean": payment.value(name) * len(inside) / total if total else math.nan,
        "min": min(known, default=math.nan),
        "max": max(known, default=math.nan),
        "last": earlier[-1].value(name) if earlier else math.nan,
        "seconds_since_last": payment.seconds - earlier[-1].seconds if earlier else math.nan,
    }
    return found[reading.operation]


@st.composite
def features(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a feature of the past."""
    operation = PAST_OPERATIONS[draw(st.sampled_from(sorted(PAST_OPERATIONS)))]
    names = ALWAYS_THERE if operation.wants_all else NUMBERS
    made: dict[str, Any] = {operation.name: draw(st.sampled_from(names)) if operation.takes_number else True}
    if operation.takes_window and draw(st.booleans()):
        most, unit = draw(st.sampled_from([(90, "s"), (120, "m"), (96, "h"), (30, "d")]))
        made["within"] = f"{draw(st.integers(1, most))}{unit}"
    return made


def plan_of(given: Sequence[dict[str, Any]]) -> FeaturePlan:
    """Return the plan of these features."""
    fields = {"at": "time", "card": "text", "amount": {"type": "number", "required": True}, "fee": "number"}
    found = {
        "format": 1,
        "name": "drawn",
        "record": {"event_time": "at", "key": ["card"]},
        "fields": fields,
        "derived": DERIVED,
        "features": {f"f{place}": one for place, one in enumerate(given)},
    }
    return compile_features(to_contract(found))


PLANS = st.lists(features(), min_size=1, max_size=7).map(plan_of)
SECONDS = st.one_of(
    st.integers(0, 100).map(lambda thirds: MONDAY + 1_200 * thirds),
    st.integers(0, 50).map(lambda days: MONDAY + 86_400 * days),
    st.integers(0, 200).map(lambda seconds: MONDAY + seconds),
    st.sampled_from([0, 1, 4_102_444_799]),
)
PAYMENTS = st.lists(
    st.builds(
        Payment,
        customer=st.integers(1, 2),
        seconds=SECONDS,
        amount=st.integers(-640, 64_000).map(lambda parts: parts / 64),
        fee=st.integers(-500, 100_000).map(lambda cents: cents / 100) | st.just(math.nan),
        number=st.integers(1, 60),
    ),
    max_size=80,
)
"""In no order of time; the same time and number is a repeated payment, whatever else it holds."""


def to_batch(payments: Sequence[Payment], plan: FeaturePlan) -> Events:
    """Return payments as the scorer reads them."""
    numbers = {
        name: np.array([getattr(payment, name) for payment in payments], np.float64) for name in ("amount", "fee")
    }
    columns = Columns(
        ids=[str(payment.number) for payment in payments],
        rows=np.arange(len(payments)),
        seconds=np.array([payment.seconds for payment in payments], np.int64),
        numbers=numbers,
        texts={"card": [str(payment.customer) for payment in payments]},
    )
    return to_events([b"%d" % payment.customer for payment in payments], columns, plan)


def pieces(payments: Sequence[Payment], cuts: Sequence[int]) -> Iterator[Sequence[Payment]]:
    ends = sorted({0, len(payments), *(cut % (len(payments) + 1) for cut in cuts)})
    return (payments[start:end] for start, end in pairwise(ends))


def seen_by_all(
    payments: Sequence[Payment], plan: FeaturePlan, cuts: Sequence[int] = (), restarts: Sequence[bool] = ()
) -> NDArray[np.float64]:
    """Return what each payment sees, [n, readings]: in these batches, with these restarts from the changelog."""
    changelog = list[tuple[bytes, bytes | None]]()
    history = _restored(plan, changelog)
    seen = [np.empty((0, len(plan.readings)))]
    for place, batch in zip(count(), pieces(payments, cuts), strict=False):
        events = to_batch(batch, plan)
        past = history.observe(events, plan.readings)
        seen.append(past.values)
        stored, sequences = events.take(past.stored), past.sequences[past.stored]
        records = to_records(plan.numbers, stored, sequences, past.evicted.get(0, ()))
        changelog += [(record["key"] or b"", record["value"]) for record in records]
        if restarts and restarts[place % len(restarts)]:
            changelog = list({key: (key, value) for key, value in changelog}.values())  # as compaction leaves it
            history = _restored(plan, changelog)
    return np.concatenate(seen)


def _restored(plan: FeaturePlan, changelog: list[tuple[bytes, bytes | None]]) -> History:
    """Return the history of a changelog, once what the restore gives to write is in it."""
    restored = from_records(plan.numbers, changelog)
    changelog += [(record["key"] or b"", record["value"]) for record in restored.rewrites]
    return restored.history


@pytest.fixture(scope="module", autouse=True)
def few_events() -> Iterator[None]:
    """A customer's block is full after a few payments."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "MOST_EVENTS", FEW_EVENTS)
        yield


@fixed(120)
@given(PLANS, PAYMENTS, st.lists(st.integers(0, 80), max_size=8), st.lists(st.booleans(), max_size=4))
def test_payments_see_what_the_definition_says_wherever_they_are_cut(
    plan: FeaturePlan, payments: list[Payment], cuts: list[int], restarts: list[bool]
) -> None:
    """Counts, extremes and last values exactly, sums to 1e-9 of all that is summed up; and the same bits in any cut."""
    found, plain = seen_by_all(payments, plan, cuts, restarts), Plain(plan.readings)
    expected = np.array([plain.observe(one) for one in payments], np.float64).reshape(found.shape)

    for reading, column, wanted in zip(plan.readings, found.T, expected.T, strict=True):
        if reading.operation == "sum" and reading.number in INEXACT:
            whole = math.fsum(abs(one.value("fee")) + abs(one.amount) for one in payments if one.fee == one.fee)
            np.testing.assert_allclose(column, wanted, rtol=0, atol=1e-9 * (1 + whole), err_msg=str(reading))
        else:
            np.testing.assert_allclose(column, wanted, rtol=1e-15, atol=0, err_msg=str(reading))
    assert np.array_equal(found, seen_by_all(payments, plan), equal_nan=True)
    assert np.array_equal(found, seen_by_all(payments, plan, range(len(payments)), [True]), equal_nan=True)


def test_numbers_of_every_kind_are_drawn() -> None:
    """Stored ones, those made of the time alone, flags, and what may be missing; and every operation has a meaning."""
    kept = plan_of([{"sum": name} for name in NUMBERS]).numbers.numbers
    assert {name for name, one in kept.items() if one.of_time} == {"night", "hour_of_day"}
    assert {name for name, one in kept.items() if one.is_flag} == {"night", "big", "dear", "free"}

    for operation in PAST_OPERATIONS.values():
        [reading] = plan_of([{operation.name: "amount" if operation.takes_number else True}]).readings
        assert _seen(reading, Payment(1, MONDAY, 2.0, math.nan, 1), [Payment(1, 0, 1.0, 1.0, 0)], []) > 0
