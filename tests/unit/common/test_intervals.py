"""Confidence intervals."""

import pytest

from services.common.intervals import wilson


def test_an_interval_of_a_share_is_wilsons() -> None:
    """One of ten is 0.018 to 0.404; none of 10 leaves room above, all of 10 below; of nothing nothing is known."""
    assert wilson(1, 10) == pytest.approx((0.0179, 0.4042), abs=5e-5)
    assert wilson(0, 10) == pytest.approx((0, 0.2775), abs=5e-5)
    assert wilson(10, 10) == pytest.approx((0.7225, 1), abs=5e-5)
    assert wilson(0, 0) == (0, 1)
