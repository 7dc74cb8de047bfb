"""The steps of an upload, as told to whoever watches it. Plain values; knows neither how rows are sent nor the page."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from services.sender.report import FileFault, FileReport


@dataclass(frozen=True, slots=True)
class Queued:
    """Others are sending: `ahead` uploads come first."""

    ahead: int


@dataclass(frozen=True, slots=True)
class Reading:
    """So many rows of the file are read and checked."""

    rows: int


@dataclass(frozen=True, slots=True)
class Sending:
    """`sent` of `rows` rows are acknowledged by Kafka, `seconds` after the first was sent."""

    sent: int
    rows: int
    seconds: float


class Obstacle(StrEnum):
    """What keeps rows from Kafka.

    It does not answer; it answers but takes nothing (no topic, no permission); the reader cancelled; the page stops.
    """

    UNAVAILABLE = "unavailable"
    REJECTS = "rejects"
    CANCELLED = "cancelled"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Refused:
    """The file as a whole cannot be used."""

    code: FileFault
    detail: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The reader cancelled before anything was sent."""


@dataclass(frozen=True, eq=False)
class Sent:
    """The end: what was found in the file, how many of its rows Kafka has, and what kept it from the others.

    `upload_id` is the journal's, None if the database was away.
    """

    report: FileReport
    sent: int
    seconds: float
    upload_id: UUID | None = None
    obstacle: Obstacle | None = None


Step = Queued | Reading | Sending | Refused | Cancelled | Sent
