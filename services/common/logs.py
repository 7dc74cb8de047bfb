"""JSON log lines on standard output: an event and numbers, never a payload or a person's name."""

import logging
import os
import sys
import time
from functools import partial
from typing import Any, cast

import structlog


def configure_logs(service: str) -> None:
    """Send this process's log lines to standard output: JSON, or aligned text when LOG_FORMAT=text."""
    level = logging.getLevelNamesMapping().get(os.environ.get("LOG_LEVEL", "INFO").upper(), logging.INFO)
    text = os.environ.get("LOG_FORMAT", "json") == "text"
    renderer: Any = structlog.dev.ConsoleRenderer() if text else structlog.processors.JSONRenderer()
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
    logging.getLogger("librdkafka").handlers = [_ToStructlog()]
    logging.getLogger("librdkafka").propagate = False


def _add_service(service: str, _: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Add the service to every line, whichever thread writes it."""
    event["service"] = service
    return event


def relay(library: str, every_seconds: float) -> None:
    """Log a library's warnings, at most one every `every_seconds`: in an outage it repeats itself."""
    logger = logging.getLogger(library)
    logger.handlers, logger.propagate = [_ToStructlog(every_seconds)], False
    logger.setLevel(logging.WARNING)


class _ToStructlog(logging.Handler):
    """Passes a library's log records on to structlog."""

    def __init__(self, every_seconds: float = 0.0) -> None:
        super().__init__()
        self._every_seconds = every_seconds
        self._due = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the last record was long enough ago."""
        if time.monotonic() < self._due:
            return False
        self._due = time.monotonic() + self._every_seconds
        return bool(super().filter(record))

    def emit(self, record: logging.LogRecord) -> None:
        get_logger().log(record.levelno, record.name, detail=record.getMessage())


def get_logger() -> structlog.typing.FilteringBoundLogger:
    """Return the process's logger; configure_logs() decides where its lines go."""
    return cast(structlog.typing.FilteringBoundLogger, structlog.get_logger())
