"""The steps of an upload, as told to whoever watches it. Plain values; knows neither how rows are sent nor the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.sender.report import FileFault, Report


@dataclass(frozen=True, slots=True)
class Sending:
    """`sent` of `rows` rows are acknowledged by Kafka, `seconds` after the first was sent."""

    sent: int
    rows: int
    seconds: float


class Obstacle(StrEnum):
    """What keeps rows from Kafka: it does not answer, or it answers but takes nothing (no topic, no permission)."""

    AWAY = "away"
    REFUSES = "refuses"


@dataclass(frozen=True, slots=True)
class Refused:
    """The file as a whole cannot be used."""

    code: FileFault
    detail: str


@dataclass(frozen=True, eq=False)
class Sent:
    """The end: what was found in the file, how many of its rows Kafka has, and what kept it from the others.

    `transaction_ids` are those of the rows in the order of sending, if all were sent; about 90 bytes a row.
    """

    report: Report
    sent: int
    seconds: float
    transaction_ids: Sequence[str] = ()
    obstacle: Obstacle | None = None


Step = Sending | Refused | Sent
