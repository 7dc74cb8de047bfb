"""Shared by the commands: the exit code, and moments as arguments."""

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from services.common.errors import FraudError
from services.common.logs import configure_logs

MOMENT_HELP = "30m (ago; s, m, h, d) or 2026-11-24T03:00 (UTC)"

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def exit_code(name: str, run: Callable[[], object]) -> int:
    """Run a command and return its exit code; a failure (1) is printed in one line."""
    configure_logs(name)
    try:
        run()
    except FraudError as error:
        print(f"{name}: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def moment_argument(text: str) -> datetime:
    """Return the moment that an argument names, see moment()."""
    try:
        return moment(text, datetime.now(UTC))
    except ValueError:
        raise argparse.ArgumentTypeError(f"neither like 30m nor like 2026-11-24T03:00: {text}") from None


def moment(text: str, now: datetime) -> datetime:
    """Return the moment of `30m` (ago; also s, h, d) or `2026-11-24T03:00` (UTC unless it has an offset).

    Raises:
        ValueError: neither.
    """
    if text[-1:] in _UNITS and text[:-1].isdigit():
        try:
            return now - timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
        except OverflowError:
            raise ValueError(f"{text} is too long ago") from None
    found = datetime.fromisoformat(text)
    try:
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError(f"{text} is outside of the years 1 to 9999 in UTC") from None
