"""Scorers that are killed, frozen, stopped and multiplied under load."""

import time
from typing import Any

from services.common.process import EXIT_STUCK
from tests.faults.pipeline import HOLD, Pipeline
from tests.support.processes import wait_for


def test_killed_at_random_moments(pipeline: Pipeline, long: bool) -> None:
    """kill -9, again and again, in the middle of Kafka transactions: the next process goes on within 5 s."""
    pipeline.start(scorers=3)
    with pipeline.load():
        for _ in range(20 if long else 4):
            pipeline.pause(0.5, 2)
            pipeline.kill(pipeline.random.choice(pipeline.scorers.members))

    assert pipeline.check().aborted > 0, "no kill hit an open Kafka transaction"


def test_killed_at_each_step_of_a_kafka_transaction(pipeline: Pipeline, long: bool) -> None:
    """Right after the records are produced, after the offsets are added, after the commit."""
    for step in ("produced", "offsets_sent", "committed"):
        pipeline.hire_scorer(f"produced=sleep@0-50,{step}=kill@10-40")
    pipeline.start(scorers=0)
    deaths = 10 if long else 2
    with pipeline.load():
        wait_for(
            lambda: all(len(member.exits) >= deaths for member in pipeline.scorers.members),
            200 * pipeline.slack,
            pipeline.text,
        )

    assert pipeline.check().aborted > 0
    assert set(pipeline.scorers.exits) == {-9, 0}


def test_frozen_past_the_timeout_of_its_kafka_transaction(pipeline: Pipeline, long: bool) -> None:
    """The broker aborts what a frozen scorer left open and fences it: awake again, it starts over with new clients.

    It freezes at its 200th batch: by then the two have shared the partitions, and the case is there to wake it.
    """
    timeout = (10 if long else 2) * pipeline.slack
    zombie = pipeline.hire_scorer("offsets_sent=stop@200", HOLD, FAULTS_TRANSACTION_TIMEOUT_MS=f"{timeout * 1000:.0f}")
    pipeline.start(scorers=1)
    with pipeline.load():
        pipeline.freeze_itself(zombie, until_aborted=True)
        pipeline.recovered("zombie", time.monotonic())

    assert pipeline.check().aborted > 0
    assert "clients_recreated" in zombie.service.text() or EXIT_STUCK in zombie.exits


def test_frozen_past_its_session(pipeline: Pipeline) -> None:
    """Its partitions were reassigned while its Kafka transaction stayed open: the broker refuses its offsets.

    It starts over with new clients; or the call hangs (librdkafka #5456), and its watchdog ends the process.
    """
    settings: dict[str, Any] = {"SCORER_SESSION_TIMEOUT_MS": "6000", "FAULTS_TRANSACTION_TIMEOUT_MS": "60000"}
    zombie = pipeline.hire_scorer("produced=stop@200", HOLD, **settings)
    pipeline.start(scorers=1, **settings)
    with pipeline.load():
        pipeline.freeze_itself(zombie, 9)
        pipeline.recovered("zombie", time.monotonic())

    assert pipeline.check().aborted > 0
    assert "clients_recreated" in zombie.service.text() or EXIT_STUCK in zombie.exits


def test_stopped_under_load_from_one_to_three_and_back(pipeline: Pipeline) -> None:
    """SIGTERM: exit code 0 within 10 s, no Kafka transaction left open, and the others take over.

    Who joins costs nobody new clients, who leaves keeps no partition waiting for a session (15 s) to end.
    """
    pipeline.start(scorers=1)
    with pipeline.load():
        for _ in range(2):
            pipeline.hire_scorer(HOLD)
        newcomers = pipeline.scorers.members[1:]
        joined = pipeline.longest_wait(0, lambda: all(member.service.ready() for member in newcomers))
        waits = {"pause of a join": [max(joined, pipeline.longest_wait(3))], "pause of a leave": []}
        pipeline.recovered("more scorers", time.monotonic())
        for member in newcomers:
            pipeline.inflict("SIGTERM scorer")
            assert pipeline.scorers.dismiss(member) == [0]
            waits["pause of a leave"].append(pipeline.longest_wait(3))
        pipeline.recovered("fewer scorers", time.monotonic())

    pipeline.recoveries |= {name: [round(seconds, 2) for seconds in found] for name, found in waits.items()}
    pipeline.check()
    assert pipeline.scorers.recreations == []
    assert max(max(found) for found in waits.values()) <= 8 * pipeline.slack


def test_a_storm_of_rebalances(pipeline: Pipeline, long: bool) -> None:
    """A scorer of another host joins, works for 2 s, and leaves for 2 s: no partition waits longer than 10 s.

    What waited meanwhile is the next guest's, who must have the time to work it off: one that leaves as soon as it has
    joined would leave it waiting for ever.
    """
    settings: dict[str, Any] = {"SCORER_SESSION_TIMEOUT_MS": "6000"}
    pipeline.start(scorers=2, **settings)
    worst = 0.0
    with pipeline.load():
        for number in range(20 if long else 3):
            guest = pipeline.hire_scorer(HOLD, FAULTS_HOST=f"host-{number}", **settings)
            worst = max(worst, pipeline.longest_wait(0, guest.service.ready), pipeline.longest_wait(2))
            pipeline.inflict("join and leave")
            pipeline.scorers.dismiss(guest)
            worst = max(worst, pipeline.longest_wait(2))
        pipeline.recovered("the storm", time.monotonic())

    pipeline.check()
    assert worst <= 10 * pipeline.slack
