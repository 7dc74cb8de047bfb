"""Environment variables of earlier versions, and what replaced them."""

import os
import sys
from collections.abc import Mapping
from functools import cache

import structlog

from services.common.errors import Stop
from services.common.secret_files import SUFFIX

REMOVED = {
    **{f"SCORER_{name}": "follows from SCORER_SESSION_TIMEOUT_MS" for name in (
        "TRANSACTION_TIMEOUT_MS", "WATCHDOG_MS", "MAX_POLL_INTERVAL_MS",
    )},
    **{f"SINK_{name}": "follows from SINK_SESSION_TIMEOUT_MS" for name in (
        "STATEMENT_TIMEOUT_MS", "WATCHDOG_MS", "MAX_POLL_INTERVAL_MS",
    )},
    **{f"{name}_PROBE_HOST": "PROBE_HOST, of all services" for name in ("SCORER", "SINK", "UI")},
    **{f"{name}_STATE_DIR": "STATE_DIR, of all services" for name in ("SCORER", "SINK")},
    "DLQ_MAX_ATTEMPTS": "the replay's --max-attempts",
    "DLQ_TRANSACTIONAL_ID": "always dlq-replay",
    "DOCTOR_DISK_GB": "the doctor's --disk-gb",
    "DOCTOR_LAG_MESSAGES": "the doctor's --lag-messages",
    "DOCTOR_PAGE_URL": "the doctor's --page-url",
    "DOCTOR_SCORER_URL": "the doctor's --scorer-url",
    "DOCTOR_SINK_URL": "the doctor's --sink-url",
    "RETENTION_BATCH_ROWS": "always 5,000",
    "UI_DRIFT_EVERY_SECONDS": "always 60",
}  # fmt: skip
"""Variable -> its replacement. Such a variable has no effect; a process that has one logs a warning."""

REMOVED_LOGIN = ("SECURITY_PROTOCOL", "SASL_MECHANISM", "SASL_USERNAME", "SASL_PASSWORD", "SSL_CA_LOCATION")
"""KAFKA_… of these is KAFKA_CONF_… now. To ignore one would mean to connect without TLS or without a login."""


def warn_removed() -> None:
    """Log each removed variable that is set, with its replacement: once a process, on standard error.

    Standard output belongs to the answers of commands.
    """
    for name in sorted(REMOVED.keys() & os.environ.keys()):
        if os.environ[name]:
            _warn(name)


def refuse_removed_login(environment: Mapping[str, str]) -> None:
    """Raise Stop if removed variables set the login to Kafka; names those to set instead."""
    found = [f"{name}{end}" for name in REMOVED_LOGIN for end in ("", SUFFIX) if environment.get(f"KAFKA_{name}{end}")]
    if found:
        instead = "; ".join(f"KAFKA_{name} is KAFKA_CONF_{name} now" for name in found)
        raise Stop(f"removed settings: {instead}")


@cache
def _warn(name: str) -> None:
    structlog.wrap_logger(structlog.PrintLogger(sys.stderr)).warning("setting_removed", setting=name, now=REMOVED[name])
