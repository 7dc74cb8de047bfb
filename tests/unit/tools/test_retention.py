"""The retention job's arguments."""

import pytest

from services.tools.retention.__main__ import main


@pytest.mark.parametrize("days", ["999999999", "-1", "²", "many", ""])
def test_days_that_no_calendar_has_are_a_wrong_argument(days: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Told in a line with exit code 2, before a database is asked."""
    with pytest.raises(SystemExit) as ended:
        main([f"--days={days}"])
    assert ended.value.code == 2
    assert "expected 0 to 36500" in capsys.readouterr().err
