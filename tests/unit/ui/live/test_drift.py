"""Data drift: the measure, the distributions of the shipped model, and what the page shows."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from services.common.contract.model import Contract
from services.common.manifest import Distribution
from services.common.settings import project_root
from tests.support.other_contracts import LOANS, SHIPPED, TERMINALS
from ui.live.drift import (
    MEASURED,
    MINIMUM,
    DriftReading,
    Reference,
    current_reference,
    measure,
    stability_index,
)
from ui.live.render import drift as shown
from ui.live.render import drift_state
from ui.live.texts import DRIFT_TEXTS
from ui.shell.texts import ENGLISH, RUSSIAN
from ui.watch import Observation

MANIFEST = project_root() / "onnx" / "manifest.json"
DAY = 86_400
MANY = 200_000


def made(counts: NDArray[np.int64]) -> Distribution:
    return Distribution(counts=tuple(map(tuple, counts.tolist())))


@pytest.fixture
def trained() -> Reference:
    """In the morning everything lies in bin 0, in the afternoon in bin 1; `past` is the same at all hours."""
    halves = np.repeat([[1_000, 0], [0, 1_000]], 12, axis=0)
    same = {name: made(halves) for name in ("score", "amount", "category")}
    return Reference(same | {"past": made(np.full((24, 2), 500))}, timed=True)


def transactions(hours: NDArray[np.int64], bins: NDArray[np.int64], days: int = 1) -> NDArray[np.float64]:
    seconds = np.arange(len(hours)) % days * DAY + hours * 3600
    past = np.arange(len(hours)) % 2
    return np.column_stack([seconds, bins, bins, bins, past]).astype(np.float64)


def test_the_index_is_the_formulas() -> None:
    """Shares of a half and a half against a quarter and three: -0.25 ln 0.5 + 0.25 ln 1.5."""
    found = stability_index(np.array([MANY, MANY]), np.array([MANY // 2, MANY // 2 * 3]))

    assert found == pytest.approx(0.25 * math.log(3), abs=1e-4)
    assert stability_index(np.array([10.0, 30.0]), np.array([100, 300])) == pytest.approx(0, abs=1e-3)


def test_a_bin_that_was_never_seen_gives_a_finite_index() -> None:
    """No share is 0, whichever side is empty."""
    assert stability_index(np.array([1_000.0, 0.0]), np.array([0, 1_000])) > 5


def test_transactions_of_one_hour_are_compared_with_that_hour(trained: Reference) -> None:
    """A live stream brings one hour at a time: that alone is no drift, and the hours themselves cannot be compared."""
    morning = transactions(np.full(2 * MINIMUM, 9), np.zeros(2 * MINIMUM, np.int64))

    drift = measure(morning, trained)

    assert drift.transactions == 2 * MINIMUM
    assert all(drift.psi[name] == pytest.approx(0, abs=0.01) for name in ("score", "amount", "category", "past"))
    assert drift.psi["hour"] is None


def test_what_is_usual_in_the_afternoon_is_a_drift_in_the_morning(trained: Reference) -> None:
    """Though over a whole day it is half of all."""
    drift = measure(transactions(np.full(2 * MINIMUM, 9), np.ones(2 * MINIMUM, np.int64)), trained)

    assert (drift.psi["amount"] or 0) > 5


def test_hours_that_have_moved_are_seen_over_whole_days(trained: Reference) -> None:
    """Everybody pays between 8 and 12."""
    hours = 8 + np.arange(4 * MINIMUM) % 4

    assert (measure(transactions(hours, np.zeros(4 * MINIMUM, np.int64), days=4), trained).psi["hour"] or 0) > 1


def test_few_transactions_and_unknown_customers_say_nothing(trained: Reference) -> None:
    """Rather than an index that is chance."""
    few = transactions(np.full(MINIMUM - 1, 9), np.zeros(MINIMUM - 1, np.int64))
    unknown = transactions(np.full(MINIMUM, 9), np.zeros(MINIMUM, np.int64))
    unknown[:, 4] = np.nan

    assert set(measure(few, trained).psi.values()) == {None}
    assert measure(unknown, trained).psi["past"] is None
    assert measure(unknown, trained).psi["score"] is not None
    assert measure(np.empty((0, 5)), trained).transactions == 0


def test_the_shipped_manifest_has_the_distributions_of_its_training() -> None:
    """Every transaction of the training in every distribution, by the hour; bins fit their edges."""
    reference = current_reference(MANIFEST, SHIPPED)
    assert reference is not None
    assert reference.measures == MEASURED
    found = reference.distributions
    rows = {name: np.array(one.counts) for name, one in found.items()}

    assert rows.keys() == set(MEASURED) - {"hour"}
    for name, one in found.items():
        assert rows[name].shape == (24, len(one.edges or one.values) + 1)
        assert list(one.edges) == sorted(set(one.edges))
    assert rows["score"].sum() == rows["amount"].sum() == rows["category"].sum() >= rows["past"].sum() > 0
    assert list(found["category"].values) == list(SHIPPED.fields[SHIPPED.roles.category or ""].values)


ODD_COUNTS = json.dumps(
    {"distributions": {name: {"edges": [1.0], "values": [], "counts": [[1] * 3] * 24} for name in MEASURED}}
)
NO_EDGES = json.dumps(
    {"distributions": {name: {"edges": [], "values": [], "counts": [[1] * 2] * 24} for name in MEASURED}}
)


@pytest.mark.parametrize(
    "content",
    ["{}", '{"distributions": {}}', '{"distributions": {"score": 1}}', "[]", "no json", ODD_COUNTS, NO_EDGES],
)
def test_a_manifest_without_distributions_has_no_reference(content: str, tmp_path: Path) -> None:
    """A model of before, or another's, is no reason for an error."""
    path = tmp_path / "manifest.json"
    path.write_text(content)

    assert current_reference(path, SHIPPED) is None
    assert current_reference(tmp_path / "none.json", SHIPPED) is None


@pytest.mark.parametrize(
    ("contract", "measures"),
    [(TERMINALS, ("score", "amount", "hour", "past")), (LOANS, ("score", "category"))],
    ids=lambda value: value.name if isinstance(value, Contract) else "",
)
def test_measured_is_what_the_contract_has(contract: Contract, measures: tuple[str, ...]) -> None:
    """No category without its role, no past without a key, no hours without a time: then all hours are one."""
    reference = current_reference(MANIFEST, contract)

    assert reference is not None
    assert reference.measures == measures
    columns = np.zeros((2 * MINIMUM, 1 + len(reference.distributions)))
    assert measure(columns, reference).psi.keys() == set(measures)
    columns[:, 0] = np.nan
    if not reference.timed:
        counts = np.array(reference.distributions["category"].counts).sum(0)
        columns[:, 2] = np.arange(2 * MINIMUM) * counts.sum() // (2 * MINIMUM)
        columns[:, 2] = np.searchsorted(np.cumsum(counts), columns[:, 2], side="right")
        assert measure(columns, reference).psi["category"] == pytest.approx(0, abs=0.01)


def test_a_manifest_with_one_distribution_measures_that(tmp_path: Path) -> None:
    """The rest is not there: neither as a figure nor as a reason to measure nothing."""
    manifest = json.loads(MANIFEST.read_bytes())
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest | {"distributions": {"score": manifest["distributions"]["score"]}}))

    reference = current_reference(path, SHIPPED)

    assert reference is not None
    assert reference.measures == ("score", "hour")
    drift = measure(np.zeros((MINIMUM, 2)), reference)
    html = shown(Observation(drift, 0.0, fresh=True, tried=True), RUSSIAN, DRIFT_TEXTS["ru"])
    assert DRIFT_TEXTS["ru"].names["score"] in html
    assert RUSSIAN.columns["category"] not in html


def test_the_section_says_in_words_what_the_figures_mean() -> None:
    """A shift is named as one, and so is what cannot be measured."""
    drift = DriftReading(10_000, {"score": 0.02, "amount": 0.31, "category": 0.12, "hour": None, "past": 3.0})
    html = shown(Observation(drift, 0.0, fresh=True, tried=True), RUSSIAN, DRIFT_TEXTS["ru"])

    states = [drift_state(name, drift.psi[name]) for name in MEASURED]
    assert states == ["stable", "shift", "moved", "hour", "past"]
    for state in states:
        assert DRIFT_TEXTS["ru"].states[state] in html
    assert "0,310" in html
    assert f'<table aria-label="{DRIFT_TEXTS["ru"].heading}"><thead>' in html, "named, without repeating the heading"
    assert "0.310" in shown(Observation(drift, 0.0, fresh=True, tried=True), ENGLISH, DRIFT_TEXTS["en"])


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (Observation(None, 0.0, fresh=False, tried=False), "first_reading"),
        (Observation(None, 0.0, fresh=False, tried=True), "unavailable"),
        (Observation(DriftReading(0, {}), 0.0, fresh=True, tried=True), "no_reference"),
    ],
)
def test_the_section_says_why_there_are_no_figures(seen: Observation[DriftReading], said: str) -> None:
    """Not yet, no database, no reference."""
    words = DRIFT_TEXTS["ru"]

    assert getattr(words, said) in shown(seen, RUSSIAN, words)


def test_too_few_transactions_are_reported() -> None:
    """With the number that is needed."""
    drift = DriftReading(12, dict.fromkeys(MEASURED))

    assert "1\u00a0000" in shown(Observation(drift, 0.0, fresh=True, tried=True), RUSSIAN, DRIFT_TEXTS["ru"])
