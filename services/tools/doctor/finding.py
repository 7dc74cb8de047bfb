"""What a check finds: good, doubtful or bad, in a line, with the cure. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How it stands."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; `cure` says what to do about it, and is empty where all is well."""

    status: Status
    subject: str
    text: str
    cure: str = ""

    def __str__(self) -> str:
        arrow = f"  -> {self.cure}" if self.cure else ""
        return f"{self.status:<4}  {self.subject:<12} {self.text}{arrow}"


Check = Callable[[], Iterator[Finding]]


def ok(subject: str, text: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(Status.OK, subject, text)


def warn(subject: str, text: str, cure: str) -> Finding:
    """Return a finding that something is not as it should be, but works."""
    return Finding(Status.WARN, subject, text, cure)


def fail(subject: str, text: str, cure: str) -> Finding:
    """Return a finding that something does not work."""
    return Finding(Status.FAIL, subject, text, cure)


def found_by(subject: str, check: Check) -> Iterator[Finding]:
    """Yield what a check finds; a check that breaks down is a finding too, and the others go on."""
    try:
        yield from check()
    except Exception as error:  # a doctor that dies of an illness helps nobody
        first = str(error).splitlines()[0] if str(error) else ""
        yield fail(subject, f"cannot be examined: {type(error).__name__}: {first}", "see docs/operations.md")
