"""Brings a pipeline up for a case, and ends whatever of it still runs."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random

import psycopg

from services.common.settings import TopicSettings
from tests.faults.audit import install_audit, remove_audit
from tests.faults.crew import Crew
from tests.faults.pipeline import Pipeline, Scale
from tests.faults.watcher import Watcher


@contextlib.contextmanager
def running_pipeline(
    name: str,
    bootstrap: str,
    topics: TopicSettings,
    conninfo: str,
    env: Mapping[str, Mapping[str, str]],
    folder: Path,
    seed: str,
    scale: Scale,
    inspect: Callable[[Pipeline], None] = lambda _: None,
) -> Iterator[Pipeline]:
    """Make a pipeline while the block lasts; what still runs at its end is killed.

    Args:
        name: of the case.
        bootstrap: host:port of the broker.
        topics: the case's own.
        conninfo: how libpq connects as the database's owner.
        env: service -> what its processes need to know.
        folder: takes logs and lock files.
        seed: of all that is drawn.
        scale: how hard the case tries.
        inspect: looks at the pipeline before it is gone.
    """
    with (
        psycopg.connect(conninfo, autocommit=True) as connection,
        Watcher(bootstrap, topics.scores, topics.partitions) as watcher,
        Crew("scorer", env["scorer"], folder, seed) as scorers,
        Crew("sink", env["sink"], folder, seed) as sinks,
    ):
        install_audit(connection)
        connection.close()
        pipeline = Pipeline(name, bootstrap, topics, conninfo, Random(seed), seed, scorers, sinks, watcher, scale)
        try:
            yield pipeline
            inspect(pipeline)
        finally:
            with contextlib.suppress(psycopg.OperationalError), psycopg.connect(conninfo, autocommit=True) as again:
                remove_audit(again)
