"""The fixtures of a pipeline, for the fault suite and for whoever kills services elsewhere."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from conftest import database_env, kafka_env
from services.common.settings import TopicSettings
from stack.servers import PostgresServer
from tests.faults.pipeline import Pipeline, Scale
from tests.faults.running import running_pipeline
from tests.faults.slack import slack

SEED, LONG, ENDS = "FAULTS_SEED", "FAULTS_LONG", "FAULTS_ENDS"
"""Variables: the seed of all that is drawn (another one each time by default), whether to try harder, and when, in
seconds since 1970, the last case may begin.
"""

SCORER_BATCH, SINK_BATCH = "2000", "500"
"""Most messages a batch. Small ones are more transactions to hit; but a scorer whose failpoint holds every batch up for
0.2 s would need longer to catch up with 20 s of the long form than it may take to recover, if 500 were all it took.
"""

_seed = os.environ.setdefault(SEED, secrets.token_hex(4))  # pytest-xdist's workers inherit it


def pytest_report_header() -> str:
    """Say how to have the same draws again."""
    return f"fault suite: {SEED}={_seed}{f' {LONG}=1' if os.environ.get(LONG) else ''}"


@pytest.fixture(scope="session")
def long() -> bool:
    """Whether there is time: the figures of a night instead of those of a coffee break."""
    return bool(os.environ.get(LONG))


@pytest.fixture
def pipeline(
    kafka: str,
    topics: TopicSettings,
    database: PostgresServer,
    mart: object,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    long: bool,
) -> Iterator[Pipeline]:
    """A pipeline of this case alone, its services not yet started, the mart empty and audited."""
    name = request.node.name
    env = service_env(kafka, topics, tmp_path) | {"SINK_BATCH_MAX_MESSAGES": SINK_BATCH}
    envs = {"scorer": env, "sink": env | database_env(database, "fraud_sink")}
    scale = Scale(rate=3_000 / slack(), seconds=60) if long else Scale(rate=800 / slack(), seconds=4)
    with running_pipeline(name, kafka, topics, database.conninfo, envs, tmp_path, f"{_seed}/{name}", scale) as pipeline:
        yield pipeline
    admin = AdminClient({"bootstrap.servers": kafka})
    names = [topics.transactions, topics.scores, topics.alerts, topics.dead_letters, topics.history, topics.models]
    for future in admin.delete_topics(names).values():
        with contextlib.suppress(KafkaException):
            future.result()


def service_env(bootstrap: str, topics: TopicSettings, folder: Path) -> dict[str, str]:
    """Return the environment of a case's services."""
    return kafka_env(bootstrap, topics) | {
        "SCORER_GROUP_ID": f"scorer-{topics.transactions}",
        "SINK_GROUP_ID": f"sink-{topics.transactions}",
        "STATE_DIR": str(folder),
        "SCORER_BATCH_MAX_MESSAGES": SCORER_BATCH,
    }
