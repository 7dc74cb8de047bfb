"""The result of a check: ok, a warning or an error, with its fix. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """Severity of a finding."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check; `fix` says what to do, and is empty if nothing is wrong."""

    status: Status
    subject: str
    text: str
    fix: str = ""

    def __str__(self) -> str:
        arrow = f"  -> {self.fix}" if self.fix else ""
        return f"{self.status:<4}  {self.subject:<12} {self.text}{arrow}"


Check = Callable[[], Iterator[Finding]]


def ok(subject: str, text: str) -> Finding:
    """Return a finding that nothing is wrong."""
    return Finding(Status.OK, subject, text)


def warn(subject: str, text: str, fix: str) -> Finding:
    """Return a finding that something works, but is not as it should be."""
    return Finding(Status.WARN, subject, text, fix)


def fail(subject: str, text: str, fix: str) -> Finding:
    """Return a finding that something does not work."""
    return Finding(Status.FAIL, subject, text, fix)


def found_by(subject: str, check: Check) -> Iterator[Finding]:
    """Yield the findings of a check; an exception becomes a finding."""
    try:
        yield from check()
    except Exception as error:  # one failing check must not stop the others
        first = str(error).splitlines()[0] if str(error) else ""
        yield fail(subject, f"check failed: {type(error).__name__}: {first}", "see docs/operations.md")
