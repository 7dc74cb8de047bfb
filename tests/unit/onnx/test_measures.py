"""The measures of the model card, against scikit-learn and against what can be counted by hand."""

import importlib
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from services.common.errors import Stop
from services.common.settings import project_root


@pytest.fixture
def measures(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """onnx/measures.py, as train.py imports it."""
    monkeypatch.syspath_prepend(str(project_root() / "onnx"))
    return importlib.import_module("measures")


def scored(measures: ModuleType, scores: Any, frauds: Any, **columns: Any) -> Any:
    size = len(scores)
    given = {"days": np.zeros(size, np.int64), "amounts": np.ones(size), "customers": np.arange(size, dtype=np.uint32)}
    return measures.Scored(
        np.array(scores, float), np.array(frauds, bool), **given | {k: np.array(v) for k, v in columns.items()}
    )


@pytest.fixture
def bursts(measures: ModuleType) -> Any:
    """5,000 transactions of 250 customers, with many equal scores; frauds in bursts of ten of one customer."""
    random = np.random.default_rng(1)
    customers = np.repeat(np.arange(250, dtype=np.uint32), 20)
    frauds = (customers < 20) & (np.arange(5_000) % 20 < 10)
    scores = np.round(np.clip(random.normal(0.3, 0.1, 5_000) + 0.3 * frauds, 0, 1), 2)
    return scored(measures, scores, frauds, customers=customers)


def test_the_ranking_is_scikit_learns_with_ties_too(measures: ModuleType, bursts: Any) -> None:
    """Average precision and ROC-AUC as the library has them, recall as its ROC curve has it."""
    found = measures.ranking(bursts)
    assert found["average_precision"] == pytest.approx(average_precision_score(bursts.frauds, bursts.scores), abs=5e-5)
    assert found["roc_auc"] == pytest.approx(roc_auc_score(bursts.frauds, bursts.scores), abs=5e-5)
    false_rates, recalls, _ = roc_curve(bursts.frauds, bursts.scores, drop_intermediate=False)
    for rate in (0.001, 0.01):
        assert found[f"recall_at_fpr_{rate}"] == pytest.approx(recalls[false_rates <= rate].max(), abs=5e-5)


def test_an_interval_is_wider_where_frauds_come_in_bursts(measures: ModuleType, bursts: Any) -> None:
    """Twenty bursts of ten are less evidence than two hundred frauds of as many customers."""
    alone = measures.Scored(
        bursts.scores, bursts.frauds, bursts.days, bursts.amounts, np.arange(5_000, dtype=np.uint32)
    )
    widths = []
    for one in (bursts, alone):
        low, high = measures.ranking(one)["average_precision_interval"]
        assert low < measures.ranking(one)["average_precision"] < high
        draws = np.array(list(measures.resampled(one.customers)))
        frauds = np.bincount(np.unique(one.customers, return_inverse=True)[1], one.frauds)
        widths.append(np.ptp(measures.interval(draws @ frauds)))
    assert widths[0] > 2 * widths[1]


def test_card_precision_counts_a_customer_once_a_day_and_not_after_it_was_found(measures: ModuleType) -> None:
    """Day 0: customers 1 (fraud, twice in front) and 2 are called; day 1: 1 has left, so 2 and 3 (fraud) are."""
    one = scored(
        measures, [0.9, 0.8, 0.7, 0.6, 0.9, 0.5, 0.4, 0.3], [1, 1, 0, 0, 1, 0, 1, 1],
        days=[0, 0, 0, 0, 1, 1, 1, 1], customers=np.array([1, 1, 2, 3, 1, 2, 3, 4], np.uint32),
    )  # fmt: skip
    assert measures.card_precision(one, 2) == {
        "card_precision": 0.5, "highest_possible": 0.75, "found": 2, "compromised": 3,
    }  # fmt: skip


def test_value_at_k_is_the_amount_of_the_frauds_in_front(measures: ModuleType) -> None:
    """Of each day; a legitimate transaction takes a place and adds nothing."""
    one = scored(
        measures, [0.9, 0.8, 0.1, 0.9, 0.8], [1, 0, 1, 1, 1], days=[0, 0, 0, 1, 1], amounts=[10.0, 99, 30, 20, 40]
    )
    found = measures.value_at(one, 2)
    assert (found["caught_amount"], found["share"]) == (70.0, 0.7)
    assert found["share_interval"][0] < 0.7 < found["share_interval"][1]


def test_calibration_tells_a_score_that_is_a_probability_from_one_that_is_not(measures: ModuleType) -> None:
    """In deciles of the transactions and in tenths of the scale; halved scores are outside nearly everywhere."""
    random = np.random.default_rng(2)
    scores = random.random(20_000)
    frauds = random.random(20_000) < scores
    for kind in ("by_rank", "by_score"):
        good = measures.calibration_bins(scored(measures, scores, frauds))[kind]
        assert len(good) == 10
        assert sum(row["rows"] for row in good) == 20_000
        assert sum(row["within"] for row in good) >= 8
        assert sum(row["within"] for row in measures.calibration_bins(scored(measures, scores / 2, frauds))[kind]) <= 2


def test_no_fraud_no_figures(measures: ModuleType) -> None:
    """Said, not divided by."""
    with pytest.raises(Stop, match="too few frauds"):
        measures.measure(scored(measures, [0.5], [0]), 0.5)
