"""Variables of earlier versions, and what has taken their place. Knows no service."""

import os
import sys
from collections.abc import Mapping
from functools import cache

import structlog

from services.common.errors import Stop

GONE = {
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
"""Variable -> what replaces it. Who sets one is told once; it does nothing."""

LOGIN = ("SECURITY_PROTOCOL", "SASL_MECHANISM", "SASL_USERNAME", "SASL_PASSWORD", "SSL_CA_LOCATION")
"""KAFKA_… of these is KAFKA_CONF_… now. Ignored it would mean to connect without TLS or without a login."""


def tell_gone() -> None:
    """Say of each variable that is set and gone what replaces it, a line each, once a process.

    On standard error: commands answer on standard output.
    """
    for name in sorted(GONE.keys() & os.environ.keys()):
        if os.environ[name]:
            _tell(name)


def refuse_gone_login(environment: Mapping[str, str]) -> None:
    """Raise Stop if the login is told by variables that are gone; says which ones to set instead."""
    told = [f"{name}{end}" for name in LOGIN for end in ("", "_FILE") if environment.get(f"KAFKA_{name}{end}")]
    if told:
        instead = "; ".join(f"KAFKA_{name} is KAFKA_CONF_{name} now" for name in told)
        raise Stop(f"gone settings: {instead}")


@cache
def _tell(name: str) -> None:
    structlog.wrap_logger(structlog.PrintLogger(sys.stderr)).warning("setting is gone", setting=name, now=GONE[name])
