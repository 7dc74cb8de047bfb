"""Drift from the simulator through scorer and sink to the page's figures."""

import sys
from pathlib import Path
from subprocess import run

import psycopg
import pytest

from conftest import ROOT, Start, database_env
from services.common.settings import TopicSettings, project_root
from services.simulator.drift import DriftKind
from stack.ports import free_port
from stack.servers import PostgresServer
from tests.support.other_contracts import SHIPPED
from tests.support.processes import ServiceProcess, wait_for
from ui.live.drift import SHIFT_FROM, STABLE_BELOW, current_reference, read_drift

ROWS = 4_000
CUSTOMERS = 300
SEEN_BY = {DriftKind.AMOUNTS: "amount", DriftKind.CATEGORIES: "category", DriftKind.HOURS: "hour"}


def simulate(path: Path, *drifts: DriftKind) -> Path:
    """Write a file of about five days; a drifted one by other seeds, so that no id comes twice."""
    options = [argument for drift in drifts for argument in ("--drift", drift.value)]
    seed = str(10 + len(options) + sum(list(DriftKind).index(drift) for drift in drifts))
    arguments = ["csv", "--rows", str(ROWS), "--customers", str(CUSTOMERS), "--seed", seed, "--out", str(path)]
    run([sys.executable, "-m", "services.simulator", *arguments, *options], cwd=ROOT, check=True)
    return path


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_drift_is_seen_where_it_is_and_none_where_there_is_none(
    topics: TopicSettings,
    start: Start,
    mart: "psycopg.Connection[tuple[object, ...]]",
    database: PostgresServer,
    kafka: str,
    tmp_path: Path,
) -> None:
    """Usual transactions are stable in every figure; each drift shifts the figure of its own, also as a metric."""
    scorer, sink = start("scorer"), start("sink")
    reference = current_reference(project_root() / "onnx" / "manifest.json", SHIPPED)
    assert reference is not None
    sent = 0

    def measure(*drifts: DriftKind) -> dict[str, float]:
        nonlocal sent
        path = simulate(tmp_path / f"{sent}.csv", *drifts)
        assert start("sender", str(path)).finish() == 0
        sent += ROWS
        query = "select count(*) from scored_transactions where event_time is not null"
        wait_for(lambda: mart.execute(query).fetchall() == [(sent,)], 90, lambda: scorer.text() + sink.text())
        return {name: psi for name, psi in read_drift(mart, reference, ROWS).psi.items() if psi is not None}

    usual = measure()
    shifted = {drift: measure(drift)[name] for drift, name in SEEN_BY.items()}

    assert usual.keys() >= {"score", "amount", "category", "hour", "past"}
    assert max(usual[name] for name in ("score", "amount", "category", "hour")) < STABLE_BELOW, usual
    assert min(shifted[drift] for drift in (DriftKind.AMOUNTS, DriftKind.CATEGORIES)) >= SHIFT_FROM, shifted
    assert shifted[DriftKind.HOURS] >= STABLE_BELOW, "people pay day and night: hours alone never shift far"

    page = ServiceProcess.start(
        "ui",
        database_env(database, "fraud_ui")
        | {"KAFKA_BOOTSTRAP_SERVERS": kafka, "TOPIC_TRANSACTIONS": topics.transactions, "TOPIC_SCORES": topics.scores}
        | {"UI_PORT": str(free_port()), "UI_PROBE_PORT": str(port := free_port())}
        | {"GRADIO_TEMP_DIR": str(tmp_path / "uploads")},
        tmp_path / "ui.log",
        port,
    )
    try:
        page.wait_ready(120)
        wait_for(lambda: page.metrics()['fraud_ui_drift_psi{feature="category"}'] >= STABLE_BELOW, 90, page.text)
        assert page.metrics()["fraud_ui_database_up"] == 1
        assert page.ready("/livez")
    finally:
        page.kill()
