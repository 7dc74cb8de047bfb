"""`python -m services.tools.backfill MODEL`: score a range of transactions again with another model, and compare.

The scores go to the table backfill_scores, the comparison to backfill_runs and to standard output. The live system is
not affected: no consumer group, no offsets, no topic. Exit code: 0 done, 1 failed.
"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from services.common.contract.load import read_contract
from services.common.database import session
from services.common.errors import FraudError
from services.common.kafka.scan import BACKFILL_GROUP, scan
from services.common.logs import configure_logs
from services.common.settings import KafkaSettings, TopicSettings
from services.scorer.models.load import load_model
from services.tools.backfill.labels import read_labels
from services.tools.backfill.read import find_ranges
from services.tools.backfill.report import lines, make_report
from services.tools.backfill.score import Rescorer
from services.tools.backfill.table import Run


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    options = _parser().parse_args(arguments)
    configure_logs("backfill")
    try:
        backfill(options.model, options.since, options.until, options.labels)
    except FraudError as error:
        print(f"backfill: {error}", file=sys.stderr)
        return 1
    return 0


def backfill(folder: Path, since: datetime | None, until: datetime | None, labels: Path | None) -> None:
    """Score a range with the model of a folder, store the scores, and print the comparison.

    Raises:
        Stop: model, range, labels or database cannot be used; Retry: the database is unavailable.
    """
    kafka, topics = KafkaSettings.read(), TopicSettings.read()
    model = load_model(folder)
    outcomes = list(read_labels(labels, read_contract(folder))) if labels else None
    ranges = find_ranges(kafka, topics.transactions, since, until)
    with session("fraud-backfill") as connection:
        run = Run.begin(connection, model.manifest, ranges)
        rescorer = Rescorer(model, ranges)
        for messages in scan(kafka, BACKFILL_GROUP, topics.transactions, ranges):
            run.store(rescorer.score(messages))
        by = f"labels of {labels.name}" if labels else "the analysts' verdicts (they judge what was flagged)"
        past = f"from {since.isoformat()} on, empty before" if since else "all of the topic"
        report = make_report(run.compare(), run.judge(outcomes), by, past, rescorer.rejected)
        run.end(report)
    print(f"run        {run.run_id}, {model.manifest.version}, threshold {model.manifest.threshold}")
    for line in lines(report):
        print(line)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.tools.backfill", description=__doc__)
    parser.add_argument("model", type=Path, metavar="MODEL", help="folder of manifest, contract and ONNX file")
    parser.add_argument("--since", type=_moment, metavar="TIME", help="from this moment of the brokers' clock on")
    parser.add_argument("--until", type=_moment, metavar="TIME", help="up to this moment; UTC if no zone is given")
    parser.add_argument("--labels", type=Path, metavar="FILE", help="labelled CSV that was sent: F1 by its target")
    return parser


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"not a time like 2026-11-25T12:00: {text}") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
