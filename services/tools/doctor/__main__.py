"""`python -m services.tools.doctor`: check an installation, and say how to fix what is wrong. Changes nothing.

Needs the rights of the database's owner. Exit code: 0 no errors (there may be warnings), 1 errors.
"""

import argparse
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from services.common.contract.load import read_contract
from services.common.database import connect
from services.common.errors import FraudError
from services.common.reading.values import Spellings
from services.common.settings import KafkaSettings, TopicSettings, project_root
from services.scorer.settings import ScorerSettings
from services.sink.settings import SinkSettings
from services.tools.doctor.database import DatabaseChecks
from services.tools.doctor.finding import Finding, Status, fail, found_by, ok
from services.tools.doctor.kafka import Cluster
from services.tools.doctor.machine import check_contract, check_disk, check_memory, check_model, check_python
from services.tools.doctor.probes import check_model_in_use, check_probe, check_rejects

MIGRATIONS = project_root() / "db" / "migrations"


def main(arguments: list[str] | None = None) -> int:
    """Check everything, and print a line for each finding; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m services.tools.doctor", description=__doc__)
    for name, default, about in (
        ("--scorer-url", "http://127.0.0.1:9101", "address of the scorer's probes"),
        ("--sink-url", "http://127.0.0.1:9102", "address of the sink's probes"),
        ("--page-url", "http://127.0.0.1:7860", "address of the page"),
    ):
        parser.add_argument(name, default=default, metavar="URL", help=f"{about}; default: {default}")
    lag_help = "warn when the lag is larger; default: 100000"
    parser.add_argument("--lag-messages", type=int, default=100_000, metavar="N", help=lag_help)
    disk_help = "warn when less disk is free, fail at a fifth of it; default: 5"
    parser.add_argument("--disk-gb", type=float, default=5.0, metavar="GB", help=disk_help)
    options = parser.parse_args(arguments)
    try:
        return report(check_all(options, KafkaSettings.read(), TopicSettings.read()))
    except FraudError as error:
        print(f"FAIL  settings     {error}")
        return 1


def report(findings: Iterator[Finding]) -> int:
    """Print findings as they come, then their totals; return the exit code."""
    counts = dict.fromkeys(Status, 0)
    for finding in findings:
        counts[finding.status] += 1
        print(finding, flush=True)
    errors, warnings = counts[Status.FAIL], counts[Status.WARN]
    print(f"{errors} error{'s' * (errors != 1)}, {warnings} warning{'s' * (warnings != 1)}, {counts[Status.OK]} ok")
    return 1 if errors else 0


def check_all(options: argparse.Namespace, kafka: KafkaSettings, topics: TopicSettings) -> Iterator[Finding]:
    """Yield the findings of all checks, but for those that need an unavailable server."""
    scorer, sink = ScorerSettings.read(), SinkSettings.read()
    yield from found_by("python", check_python)
    yield from found_by("disk", partial(check_disk, Path.cwd(), options.disk_gb))
    yield from found_by("memory", check_memory)
    yield from found_by("contract", partial(check_contract, scorer.model_dir))
    yield from found_by("model", partial(check_model, scorer.model_dir))
    cluster = Cluster(kafka, topics)
    reached = list(found_by("kafka", cluster.check_reachable))
    yield from reached
    is_reachable = all(finding.status is Status.OK for finding in reached)
    if is_reachable:
        max_lag, read_by_scorer = options.lag_messages, (topics.transactions,)
        read_by_sink = (topics.scores, topics.transactions, topics.alerts, topics.models)
        yield from found_by("topics", cluster.check_topics)
        yield from found_by("topics", cluster.check_settings)
        yield from found_by("lag", partial(cluster.check_group, "scorer", scorer.group_id, read_by_scorer, max_lag))
        yield from found_by("lag", partial(cluster.check_group, "sink", sink.group_id, read_by_sink, max_lag))
        yield from found_by("transactions", cluster.check_transactions)
        yield from found_by("dead letters", cluster.check_dead_letters)
    yield from _check_database(cluster if is_reachable else None, _categories(scorer.model_dir))
    yield from found_by("scorer", partial(check_probe, "scorer", options.scorer_url, ("/livez", "/readyz")))
    yield from found_by("model in use", partial(check_model_in_use, options.scorer_url, scorer.model_dir))
    yield from found_by("sink", partial(check_probe, "sink", options.sink_url, ("/livez", "/readyz")))
    yield from found_by("rejects", partial(check_rejects, "scorer", options.scorer_url))
    yield from found_by("rejects", partial(check_rejects, "sink", options.sink_url))
    yield from found_by("ui", partial(check_probe, "ui", options.page_url, ("/healthz",)))


def _categories(model_dir: Path) -> Spellings:
    """Return the categories that the contract knows; none if it has no such role or cannot be read."""
    try:
        contract = read_contract(model_dir)
    except FraudError:  # reported by check_contract()
        return Spellings(())
    field = contract.roles.category
    return contract.fields[field].vocabulary if field else Spellings(())


def _check_database(cluster: Cluster | None, categories: Spellings) -> Iterator[Finding]:
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
        if categories.known:
            yield from found_by("categories", partial(database.check_categories, categories))
        yield from found_by("clock", database.check_clock)


if __name__ == "__main__":
    sys.exit(main())
