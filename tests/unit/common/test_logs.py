"""What a library says in the log."""

import logging

import pytest

from services.common.logs import relay


def test_a_library_that_repeats_itself_is_heard_seldom(capsys: pytest.CaptureFixture[str]) -> None:
    """The first warning has the cause; the next ones of the same minute would only fill the log."""
    relay("some.library", every_seconds=60)
    for attempt in range(3):
        logging.getLogger("some.library").warning("password authentication failed, attempt %s", attempt)
    logging.getLogger("some.library").info("connected")
    assert capsys.readouterr().out.count("password authentication failed") == 1
