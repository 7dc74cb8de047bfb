"""What the README promises about exactly once, at its smallest; the fault suite goes on from here."""

import time

from stack.servers import KafkaServer, PostgresServer
from tests.faults.pipeline import Pipeline

pytest_plugins = ["tests.faults.fixtures"]

WITHIN_SECONDS = 120


def test_nothing_is_lost_or_doubled_whatever_is_killed(
    pipeline: Pipeline, broker: KafkaServer, database: PostgresServer
) -> None:
    """kill -9 of a scorer, a sink, PostgreSQL and the broker, in turn and under load: all counted by id."""
    pipeline.start()

    def scored_again(since: float) -> None:
        pipeline.watcher.seconds_to_recover(since, WITHIN_SECONDS, pipeline.text)

    with pipeline.load():
        scored_again(pipeline.scorers.kill(pipeline.scorers.members[0]))
        scored_again(pipeline.sinks.kill(pipeline.sinks.members[0]))
        for server in (database, broker):
            server.kill()
            server.start()
            scored_again(time.monotonic())

    findings = pipeline.check()
    assert findings.scores > 0
    assert pipeline.scorers.exits[-9] == pipeline.sinks.exits[-9] == 1
