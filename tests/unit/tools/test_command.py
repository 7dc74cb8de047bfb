"""Moments as arguments of the commands."""

from datetime import UTC, datetime, timedelta

import pytest

from services.tools.command import moment

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30m", NOW - timedelta(minutes=30)),
        ("2h", NOW - timedelta(hours=2)),
        ("2026-11-24T01:30", datetime(2026, 11, 24, 1, 30, tzinfo=UTC)),
        ("2026-11-24T04:30+03:00", datetime(2026, 11, 24, 1, 30, tzinfo=UTC)),
        ("2026-11-24", datetime(2026, 11, 24, tzinfo=UTC)),
    ],
)
def test_moments(text: str, expected: datetime) -> None:
    """So long ago, or a time, of UTC unless it says other."""
    assert moment(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "h", "-5m", "yesterday", "99999999999999d", "0001-01-01T00:00+05:00"])
def test_what_is_no_moment_is_said(text: str) -> None:
    """An argument that is not understood does nothing."""
    with pytest.raises(ValueError, match=r".+"):
        moment(text, NOW)
