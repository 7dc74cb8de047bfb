"""`python -m services.tools.doctor`: say what is wrong with an installation and how to mend it. Changes nothing.

Needs the rights of the database's owner. Exit code: 0 nothing is broken (there may be warnings), 1 something is.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from services.common.database import connect
from services.common.errors import FraudError
from services.common.settings import KafkaSettings, TopicSettings, project_root
from services.scorer.manifest import MANIFEST_NAME
from services.scorer.settings import ScorerSettings
from services.sender.rows import read_categories
from services.sink.settings import SinkSettings
from services.tools.doctor.database import DatabaseChecks
from services.tools.doctor.finding import Finding, Status, fail, found_by, ok
from services.tools.doctor.kafka import Cluster
from services.tools.doctor.machine import check_disk, check_memory, check_model, check_python
from services.tools.doctor.probes import check_model_in_use, check_probe, check_rejects

MIGRATIONS = project_root() / "db" / "migrations"


def main(arguments: list[str] | None = None) -> int:
    """Examine everything, a line for each finding; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m services.tools.doctor", description=__doc__)
    for name, default, about in (
        ("--scorer-url", "http://127.0.0.1:9101", "where the scorer's probes answer"),
        ("--sink-url", "http://127.0.0.1:9102", "where the sink's probes answer"),
        ("--page-url", "http://127.0.0.1:7860", "where the page answers"),
    ):
        parser.add_argument(name, default=default, metavar="URL", help=f"{about}; default: {default}")
    much = "more messages behind than this are too many; default: 100000"
    parser.add_argument("--lag-messages", type=int, default=100_000, metavar="N", help=much)
    little = "less free disk than this is little, a fifth of it too little; default: 5"
    parser.add_argument("--disk-gb", type=float, default=5.0, metavar="GB", help=little)
    options = parser.parse_args(arguments)
    try:
        findings = examine(options, KafkaSettings.read(), TopicSettings.read())
        return report(findings)
    except FraudError as error:
        print(f"FAIL  settings     {error}")
        return 1


def report(findings: Iterator[Finding]) -> int:
    """Print findings as they come, and what they add up to; return the exit code."""
    counts = dict.fromkeys(Status, 0)
    for finding in findings:
        counts[finding.status] += 1
        print(finding, flush=True)
    print(f"{counts[Status.FAIL]} broken, {counts[Status.WARN]} doubtful, {counts[Status.OK]} well")
    return 1 if counts[Status.FAIL] else 0


def examine(options: argparse.Namespace, kafka: KafkaSettings, topics: TopicSettings) -> Iterator[Finding]:
    """Yield everything there is to find; what needs a server that is away is left out."""
    scorer, sink = ScorerSettings.read(), SinkSettings.read()
    yield from found_by("python", check_python)
    yield from found_by("disk", partial(check_disk, Path.cwd(), options.disk_gb))
    yield from found_by("memory", check_memory)
    yield from found_by("model", partial(check_model, scorer.model_dir))
    cluster = Cluster(kafka, topics)
    reached = list(found_by("kafka", cluster.check_reachable))
    yield from reached
    there = all(finding.status is Status.OK for finding in reached)
    if there:
        much = options.lag_messages
        read_by_sink = (topics.scores, topics.transactions, topics.alerts, topics.models)
        yield from found_by("topics", cluster.check_topics)
        yield from found_by("topics", cluster.check_settings)
        yield from found_by("lag", partial(cluster.check_group, "scorer", scorer.group_id, [topics.transactions], much))
        yield from found_by("lag", partial(cluster.check_group, "sink", sink.group_id, read_by_sink, much))
        yield from found_by("dead letters", cluster.check_dead_letters)
    yield from _examine_database(cluster if there else None, read_categories(scorer.model_dir / MANIFEST_NAME))
    yield from found_by("scorer", partial(check_probe, "scorer", options.scorer_url, ("/livez", "/readyz")))
    yield from found_by("model in use", partial(check_model_in_use, options.scorer_url, scorer.model_dir))
    yield from found_by("sink", partial(check_probe, "sink", options.sink_url, ("/livez", "/readyz")))
    yield from found_by("rejects", partial(check_rejects, "scorer", options.scorer_url))
    yield from found_by("rejects", partial(check_rejects, "sink", options.sink_url))
    yield from found_by("ui", partial(check_probe, "ui", options.page_url, ("/healthz",)))


def _examine_database(cluster: Cluster | None, categories: Sequence[str]) -> Iterator[Finding]:
    try:
        connection = connect("fraud-doctor")
    except FraudError as error:
        hint = "start PostgreSQL (make up, docker compose up), or set PGHOST, PGUSER, PGPASSWORD"
        yield fail("postgres", str(error), hint)
        return
    with connection:
        database = DatabaseChecks(connection)
        yield ok("postgres", f"answers at {connection.info.host}:{connection.info.port}")
        yield from found_by("schema", partial(database.check_schema, MIGRATIONS))
        yield from found_by("rights", database.check_rights)
        if cluster:
            yield from found_by("offsets", partial(database.check_offsets, cluster))
        yield from found_by("rejects", database.check_rejects)
        if categories:
            yield from found_by("categories", partial(database.check_categories, categories))
        yield from found_by("clock", database.check_clock)


if __name__ == "__main__":
    sys.exit(main())
