"""The calibration that the manifest keeps, on scores whose probabilities are known."""

import importlib
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from services.common.calibration import probabilities
from services.common.manifest import Calibration, read_manifest
from services.common.settings import project_root


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, ModuleType]:
    """onnx/measures.py and onnx/calibrate.py, as train.py imports them."""
    monkeypatch.syspath_prepend(str(project_root() / "onnx"))
    return importlib.import_module("measures"), importlib.import_module("calibrate")


def scored(measures: ModuleType, scores: Any, frauds: Any) -> Any:
    size = len(scores)
    customers = np.arange(size, dtype=np.uint32)
    return measures.Scored(np.array(scores), np.array(frauds, bool), np.zeros(size, np.int64), np.ones(size), customers)


def distorted(measures: ModuleType) -> tuple[Any, Any]:
    """Return 100,000 probabilities, and transactions whose scores are their squares."""
    random = np.random.default_rng(1)
    shares = random.beta(0.3, 1, 100_000)
    return shares, scored(measures, shares**2, random.random(100_000) < shares)


def test_probabilities_are_found_again(scripts: tuple[ModuleType, ModuleType]) -> None:
    """A score that is the square of the probability is the root of it, within what chance leaves."""
    measures, calibrate = scripts
    shares, transactions = distorted(measures)
    calibration = calibrate.fit(transactions)
    assert np.abs(probabilities(transactions.scores, calibration) - shares).max() < 0.05
    found = calibrate.calibrated_by_others(transactions)
    assert sum(row["within"] for row in measures.calibration_bins(found)["by_score"]) >= 9
    assert sum(row["within"] for row in measures.calibration_bins(transactions)["by_score"]) <= 2


def test_scores_that_are_probabilities_stay_what_they_are(scripts: tuple[ModuleType, ModuleType]) -> None:
    """Both weights are about one, and what is added about nothing."""
    measures, calibrate = scripts
    random = np.random.default_rng(2)
    shares = random.random(100_000)
    found = calibrate.fit(scored(measures, shares, random.random(100_000) < shares))
    assert (found.a, found.b, found.c) == pytest.approx((1, 1, 0), abs=0.05)


def test_the_order_of_scores_is_kept(scripts: tuple[ModuleType, ModuleType]) -> None:
    """A weight is never negative; where scores order frauds the wrong way round, there is no calibration."""
    measures, calibrate = scripts
    random = np.random.default_rng(3)
    shares = random.random(10_000)
    assert calibrate.fit(scored(measures, 1 - shares, random.random(10_000) < shares)) is None
    for frauds in (np.zeros(3), np.ones(3)):
        assert calibrate.fit(scored(measures, [0.1, 0.5, 0.9], frauds)) is None
    assert calibrate.calibrated_by_others(scored(measures, [0.1, 0.5, 0.9], [0, 1, 0])) is None


def test_both_ends_of_the_scale_have_a_probability() -> None:
    """Scores may be 0 and 1; without a calibration a score is taken as it is."""
    ends = np.array([0.0, 1.0])
    low, high = probabilities(ends, Calibration(a=1.2, b=0.8, c=-0.5))
    assert 0 < low < 1e-6
    assert 1 - 1e-6 < high < 1
    assert probabilities(ends, None) is ends


def test_the_shipped_calibration_is_within_each_interval() -> None:
    """The mean probability of each bin, by the other half of the customers, is within what its frauds leave open."""
    manifest = read_manifest(project_root() / "onnx")
    assert manifest.calibration is not None
    bins = [row for kind in manifest.figures["unseen_customers"]["calibrated"].values() for row in kind]
    assert len(bins) == 20
    assert all(row["within"] for row in bins)
