"""What every section of the page is built in: its parts, its language, its tab. Knows none of the sections."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr
import psycopg

from services.common.logs import get_logger
from services.common.process import StopSignal
from ui.check.jobs import Jobs
from ui.database import Database
from ui.files.journal import Upload
from ui.live.drift import DriftReading
from ui.live.reading import Live
from ui.login.access import Access
from ui.shell.texts import Texts
from ui.threshold.models import ScoringModel
from ui.threshold.whatif import Curve
from ui.watch import Watch

if TYPE_CHECKING:
    from ui.shell.kept import KeptValues

VIEWERS_AT_ONCE = 16

ADD_UTC_OFFSET = "(...inputs) => [...inputs.slice(0, -1), -new Date().getTimezoneOffset()]"
"""Fills the last input, the frame's clock, with the minutes by which the reader's clock is ahead of UTC."""

NO_PROGRESS: Mapping[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
VIEWING: Mapping[str, Any] = {**NO_PROGRESS, "concurrency_limit": VIEWERS_AT_ONCE}
"""How handlers are wired that only look something up."""

Update = Any


@dataclass(frozen=True)
class Parts:
    """What the page works with.

    `jobs` sends files, `pay` sends one message, `model` and `curve` tell of the model in use.
    """

    mart: Database
    jobs: Jobs
    uploads: Watch[list[Upload]]
    model: Callable[[], ScoringModel | None]
    max_file_mb: int
    stop: StopSignal
    access: Access
    pay: Callable[[bytes | None, bytes], None]
    curve: Callable[[], Curve | None]
    categories: Sequence[str]
    live: Live
    drift: Watch[DriftReading]


@dataclass(frozen=True)
class Frame:
    """Where a section is built: in this tab of the page in this language; `clock` is for ADD_CLOCK.

    `kept` is what the language link takes along.
    """

    parts: Parts
    texts: Texts
    page: gr.Blocks
    clock: gr.Number
    kept: "KeptValues"
    tabs: gr.Tabs
    tab: gr.Tab


@dataclass(frozen=True)
class Tab:
    """A tab: its id, its title by language, and the function that builds it inside the Blocks context."""

    id: str
    titles: Mapping[str, str]
    build: Callable[[Frame], None]


@contextmanager
def logged() -> Iterator[None]:
    """Log an error nobody foresaw, and go on: for what repeats by itself, and would tell it again and again."""
    try:
        yield
    except Exception:
        get_logger().exception("handler_failed")


@contextmanager
def friendly_errors(texts: Texts) -> Iterator[None]:
    """Log an error nobody foresaw and tell the user in plain words that there was one, and whether of the database."""
    try:
        yield
    except psycopg.Error as error:
        get_logger().exception("handler_failed")
        sentence = texts.database_failed.format(code=error.sqlstate or type(error).__name__)
        raise gr.Error(sentence, title=texts.unexpected_title, print_exception=False) from error
    except Exception as error:
        get_logger().exception("handler_failed")
        raise gr.Error(texts.unexpected, title=texts.unexpected_title, print_exception=False) from error
