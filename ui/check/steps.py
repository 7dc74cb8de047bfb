"""The steps of an upload, as reported to those who watch it."""

from dataclasses import dataclass
from uuid import UUID

from services.sender.report import FileFault, FileReport
from ui.files.journal import UploadState


@dataclass(frozen=True, slots=True)
class Queued:
    """In the queue, behind `ahead` uploads."""

    ahead: int


@dataclass(frozen=True, slots=True)
class ReadingFile:
    """`rows` rows of the file have been read and checked."""

    rows: int


@dataclass(frozen=True, slots=True)
class Sending:
    """Kafka has acknowledged `sent` of `rows` rows, `seconds` after the start."""

    sent: int
    rows: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Refused:
    """The file as a whole was rejected."""

    code: FileFault
    detail: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Cancelled before anything was sent."""


@dataclass(frozen=True, eq=False)
class Sent:
    """The end: the report on the file, how many of its rows Kafka has, and in `state` why not all of them.

    `upload_id` is that of the journal, None if the database was unavailable.
    """

    report: FileReport
    sent: int
    seconds: float
    upload_id: UUID | None = None
    state: UploadState = UploadState.SENT


Step = Queued | ReadingFile | Sending | Refused | Cancelled | Sent
