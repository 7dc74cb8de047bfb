"""Scorers and sinks that close their consumers while partitions change hands."""

from typing import Any

from tests.faults.pipeline import HOLD, Pipeline
from tests.support.processes import wait_for


def test_closed_in_the_middle_of_rebalances(pipeline: Pipeline, long: bool) -> None:
    """Guests join and are stopped at any moment of that: each ends with exit code 0, and nothing is lost or doubled.

    A guest that hangs would be ended by its watchdog after 30 s and more, with another exit code.
    """
    scorer: dict[str, Any] = {"SCORER_SESSION_TIMEOUT_MS": "6000"}
    sink = {"SINK_SESSION_TIMEOUT_MS": "6000"}
    pipeline.start(scorers=1, sinks=0, **scorer)
    pipeline.sinks.hire(sink)
    pipeline.sinks.wait_ready()
    with pipeline.load():
        for number in range(20 if long else 4):
            host = {"FAULTS_HOST": f"host-{number}"}
            scorers = [pipeline.hire_scorer(HOLD, **host, **scorer) for _ in range(2)]
            sinks = [pipeline.sinks.hire(sink | host)]
            for guest in scorers + sinks:
                wait_for(lambda one=guest: '"started"' in one.service.text(), 60 * pipeline.slack, pipeline.text)
            pipeline.pause(0, 2.5)
            for _ in scorers + sinks:
                pipeline.inflict("SIGTERM in a rebalance")
            assert pipeline.scorers.dismiss(*scorers) == [0, 0], pipeline.text()
            assert pipeline.sinks.dismiss(*sinks) == [0], pipeline.text()

    pipeline.check()
