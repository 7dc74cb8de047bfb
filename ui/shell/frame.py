"""The frame a section of the page is built in, and the wiring of its handlers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import gradio as gr
import psycopg

from services.common.logs import get_logger
from ui.shell.page_state import PageState
from ui.shell.texts import Texts

VIEWERS_AT_ONCE = 16

ADD_UTC_OFFSET = "(...inputs) => [...inputs.slice(0, -1), -new Date().getTimezoneOffset()]"
"""Fills the last input, the frame's clock, with the minutes by which the reader's clock is ahead of UTC."""

NO_PROGRESS: Mapping[str, Any] = {"show_progress": "hidden"}
VIEWING: Mapping[str, Any] = {**NO_PROGRESS, "concurrency_limit": VIEWERS_AT_ONCE}
"""Wiring of handlers that only read."""

Update = Any


@dataclass(frozen=True)
class Frame:
    """Where a section is built: in this tab of the page in this language.

    `clock` is the input for ADD_UTC_OFFSET, `state` what is carried over to the page in the other language.
    """

    texts: Texts
    page: gr.Blocks
    clock: gr.Number
    state: PageState
    tabs: gr.Tabs
    tab: gr.Tab


@contextmanager
def logged() -> Iterator[None]:
    """Log an unexpected error and go on: for what repeats by itself, and would report it again and again."""
    try:
        yield
    except Exception:
        get_logger().exception("handler_failed")


@contextmanager
def friendly_errors(texts: Texts) -> Iterator[None]:
    """Log an unexpected error and report it to the user in plain words, an error of the database by its code."""
    try:
        yield
    except psycopg.Error as error:
        get_logger().exception("handler_failed")
        sentence = texts.database_failed.format(code=error.sqlstate or type(error).__name__)
        raise gr.Error(sentence, title=texts.unexpected_title, print_exception=False) from error
    except Exception as error:
        get_logger().exception("handler_failed")
        raise gr.Error(texts.unexpected, title=texts.unexpected_title, print_exception=False) from error
