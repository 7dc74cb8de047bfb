"""Log lines on standard output, JSON or text: an event and numbers, never a payload or a person's name."""

import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import structlog

REPEATED_SECONDS = 30.0
"""For how long librdkafka does not say again what it has said. Its own limit is as long, but each broker object has its
own, and 2.16 makes a new one every 50 ms while all brokers are down.
"""

_VARIES = re.compile(r"#[a-z]+-\d+|\d+ms|, \d+ identical error\(s\) suppressed")
"""What differs in two lines of librdkafka that say the same: the client, the milliseconds, the count."""


def configure_logs(service: str) -> None:
    """Send this process's log lines to standard output: text or JSON as LOG_FORMAT says, else text for a terminal."""
    level = logging.getLevelNamesMapping().get(os.environ.get("LOG_LEVEL", "INFO").upper(), logging.INFO)
    renderer: Any = _text_renderer() if wants_text() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            partial(_add_service, service),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
    )
    logging.getLogger("librdkafka").handlers = [_ToStructlog(REPEATED_SECONDS, _without_what_varies)]
    logging.getLogger("librdkafka").propagate = False


def wants_text() -> bool:
    """Return whether log lines on standard output are text: a person reads them."""
    return (os.environ.get("LOG_FORMAT") or ("text" if sys.stdout.isatty() else "json")) == "text"


def as_text(line: str) -> str:
    """Return a line of a log as text if it is one of ours in JSON; anything else is returned as it is."""
    try:
        event = json.loads(line)
    except ValueError:
        return line
    if not isinstance(event, dict) or "event" not in event:
        return line
    return str(_text_renderer()(None, "", event))


def _text_renderer() -> structlog.dev.ConsoleRenderer:
    """Return what makes text: colours for a terminal alone, values quoted, tracebacks without those of variables."""
    return structlog.dev.ConsoleRenderer(
        colors=sys.stdout.isatty(),
        repr_native_str=True,  # no value breaks a line or sends an escape sequence to a terminal
        exception_formatter=structlog.dev.plain_traceback,
    )


def _add_service(service: str, _: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Add the service to every line, whichever thread writes it."""
    event["service"] = service
    return event


def relay(library: str, every_seconds: float) -> None:
    """Log a library's warnings, each kind at most once in `every_seconds`: in an outage it repeats itself."""
    logger = logging.getLogger(library)
    logger.handlers, logger.propagate = [_ToStructlog(every_seconds, lambda record: record.msg)], False
    logger.setLevel(logging.WARNING)


def _without_what_varies(record: logging.LogRecord) -> str:
    return _VARIES.sub("", record.getMessage())


class _ToStructlog(logging.Handler):
    """Passes a library's log records on to structlog, those of one kind at most once in `every_seconds`."""

    def __init__(self, every_seconds: float, kind_of: Callable[[logging.LogRecord], str]) -> None:
        super().__init__()
        self._every_seconds = every_seconds
        self._kind_of = kind_of
        self._due: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the last record of this kind was long enough ago."""
        kind, now = self._kind_of(record), time.monotonic()
        self._due = {known: due for known, due in self._due.items() if due > now}
        if kind in self._due:
            return False
        self._due[kind] = now + self._every_seconds
        return bool(super().filter(record))

    def emit(self, record: logging.LogRecord) -> None:
        get_logger().log(record.levelno, record.name, detail=record.getMessage())


def get_logger() -> structlog.typing.FilteringBoundLogger:
    """Return the process's logger; configure_logs() decides where its lines go."""
    return cast(structlog.typing.FilteringBoundLogger, structlog.get_logger())
