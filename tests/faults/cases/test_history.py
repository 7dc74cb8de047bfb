"""What is remembered of customers: scorers that die while they read it back, and a history that is rebuilt."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import ROOT
from tests.faults.fixtures import service_env
from tests.faults.invariant import SCORE_TOLERANCE, Findings, Log, compare_scores
from tests.faults.pipeline import HOLD, Pipeline
from tests.support.models import write_probe
from tests.support.processes import wait_for


@pytest.fixture
def remembering(pipeline: Pipeline, tmp_path: Path) -> Pipeline:
    """A pipeline with a model whose score depends on every feature of the past, so that a wrong one shows."""
    pipeline.model_dir = write_probe(tmp_path / "probe")
    return pipeline


def test_killed_while_the_history_is_restored_and_right_after(remembering: Pipeline, long: bool) -> None:
    """Death upon death, before the first batch and in it: every score is still that of one pass over the log."""
    lives = ["offsets_sent=kill@20-40"]
    for _ in range(4 if long else 1):
        lives += [
            "restoring=kill@1",
            "produced=kill@1",
            "restoring=kill@1-2",
            "committed=kill@1",
            "offsets_sent=kill@2-9",
        ]
    victim = remembering.hire_scorer(*lives, HOLD)
    remembering.start(scorers=1)
    with remembering.load():
        wait_for(lambda: len(victim.exits) >= len(lives), 300 * remembering.slack, remembering.text)
        remembering.recovered("the history", time.monotonic())

    remembering.check()
    assert victim.exits[: len(lives)] == [-9] * len(lives)


def test_a_history_that_is_wiped_is_rebuilt_from_the_transactions(remembering: Pipeline, tmp_path: Path) -> None:
    """Deleted, and all transactions scored again: each has two scores then, both those of one pass over the log."""
    settings = {"SCORER_SESSION_TIMEOUT_MS": "6000"}
    remembering.start(scorers=2, sinks=0, **settings)
    with remembering.load():
        remembering.pause(3, 3)
    remembering.wait_until_scored()
    assert set(remembering.scorers.dismiss(*remembering.scorers.members)) == {0}
    env = os.environ | service_env(remembering.bootstrap, remembering.topics, tmp_path) | settings
    command = [sys.executable, "-m", "services.topics", "--new-history", "--rescore"]
    subprocess.run(command, cwd=ROOT, env=env, check=True)
    remembering.inflict("history deleted")
    for _ in range(2):
        remembering.hire_scorer(HOLD, **settings)
    remembering.wait_until_scored()
    assert set(remembering.scorers.dismiss(*remembering.scorers.members)) == {0}

    log, findings = Log.read(remembering.bootstrap, remembering.topics), Findings()
    scores = sorted(log.scores.values())
    assert len(log.inputs) > 0
    assert [name for name, _ in scores] == sorted(2 * list(log.inputs.values()))
    differences = [second - first for (_, first), (_, second) in zip(scores[::2], scores[1::2], strict=True)]
    assert max(differences) <= SCORE_TOLERANCE
    log.scores = {(0, number): score for number, score in enumerate(scores[::2])}
    compare_scores(log, remembering.model, remembering.topics.transactions, findings)
    findings.check()
