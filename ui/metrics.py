"""Metrics of the page. docs/metrics.md lists them: `python -m stack.metrics_table` writes the list."""

import math
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from prometheus_client import Counter, Gauge

from ui.files.journal import UploadState
from ui.live.drift import MEASURED, DriftReading
from ui.live.reading import Live
from ui.review.verdicts import Verdict
from ui.watch import Watch

T = TypeVar("T")

UPLOADS = Counter("fraud_ui_uploads_total", "Files sent through the page, by how they ended", ["state"])
LOGINS = Counter("fraud_ui_logins_total", "Login attempts, by result", ["result"])
VERDICTS = Counter("fraud_ui_verdicts_total", "Verdicts of analysts that were stored", ["verdict"])
QUEUE = Gauge("fraud_ui_queue_messages", "Messages not yet scored or stored, by the committed offsets of the groups")
QUEUE_SECONDS = Gauge("fraud_ui_queue_seconds", "Observed waiting time of the oldest of them, 0 if there is none")
DATABASE_UP = Gauge("fraud_ui_database_up", "1 if the page's last query of the database was answered")
KAFKA_UP = Gauge("fraud_ui_kafka_up", "1 if the brokers answered the page's last request for offsets")

DRIFT = Gauge(
    "fraud_ui_drift_psi",
    "Population stability index of the latest 10,000 transactions against the training data, NaN if unknown",
    ["feature"],
)

for _state in UploadState:
    UPLOADS.labels(_state.value)
for _result in ("succeeded", "failed", "throttled"):
    LOGINS.labels(_result)
for _verdict in Verdict:
    VERDICTS.labels(_verdict.value)


def watch(live: Live, drift: Watch[DriftReading]) -> None:
    """Let the gauges show the last readings of the watches; unknown figures are NaN. A scrape is no look."""
    QUEUE.set_function(lambda: _of_last(live.lag, lambda lag: lag.messages))
    QUEUE_SECONDS.set_function(lambda: _of_last(live.lag, lambda lag: lag.seconds))
    DATABASE_UP.set_function(lambda: live.mart.last().fresh)
    KAFKA_UP.set_function(lambda: live.lag.last().fresh)
    for name in MEASURED:
        DRIFT.labels(name).set_function(partial(_of_last, drift, partial(_psi, name)))


def _psi(name: str, drift: DriftReading) -> float:
    psi = drift.psi.get(name)
    return math.nan if psi is None else psi


def _of_last(watch: Watch[T], figure: Callable[[T], float]) -> float:
    seen = watch.last()
    return figure(seen.value) if seen.fresh and seen.value is not None else math.nan
