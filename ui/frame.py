"""What every section of the page is built in: its parts, its language, its tab. Knows none of the sections."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import gradio as gr

from services.common.lifecycle import StopSignal
from services.common.logs import get_logger
from ui.drift import Drift
from ui.journal import Upload
from ui.live_reading import Live
from ui.login_access import Access
from ui.model import Model
from ui.results import Mart
from ui.steps import Step
from ui.texts import Texts
from ui.upload import Order
from ui.watch import Watch
from ui.whatif import Curve

VIEWERS_AT_ONCE = 16

ADD_CLOCK = "(...inputs) => [...inputs.slice(0, -1), -new Date().getTimezoneOffset()]"
"""Fills the last input, the frame's clock, with the minutes by which the reader's clock is ahead of UTC."""

QUIETLY: Mapping[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
VIEWING: Mapping[str, Any] = {**QUIETLY, "concurrency_limit": VIEWERS_AT_ONCE}
"""How handlers are wired that only look something up."""

Update = Any


@dataclass(frozen=True)
class Parts:
    """What the page works with.

    `send` yields the steps of an upload, `pay` sends one message, `model` and `curve` tell of the model in use.
    """

    mart: Mart
    send: Callable[[Order], Iterator[Step]]
    uploads: Watch[list[Upload]]
    model: Callable[[], Model | None]
    max_file_mb: int
    stop: StopSignal
    access: Access
    pay: Callable[[bytes | None, bytes], None]
    curve: Callable[[], Curve | None]
    categories: Sequence[str]
    live: Live
    drift: Watch[Drift]


@dataclass(frozen=True)
class Frame:
    """Where a section is built: in this tab of the page in this language; `clock` is for ADD_CLOCK."""

    parts: Parts
    texts: Texts
    page: gr.Blocks
    clock: gr.Number
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
def told_plainly(texts: Texts) -> Iterator[None]:
    """Log an error nobody foresaw and tell the user in plain words that there was one."""
    try:
        yield
    except Exception as error:
        get_logger().exception("handler_failed")
        raise gr.Error(texts.unexpected, title=texts.unexpected_title, print_exception=False) from error
