"""`python -m services.tools.backfill MODEL`: score a range of transactions again with another model, and compare.

The scores go to the table backfill_scores, the comparison to backfill_runs and to standard output. The live system is
not affected: no consumer group, no offsets, no topic. Exit code: 0 done, 1 failed.
"""

import argparse
import sys
from datetime import datetime
from pathlib import Path

from services.common.contract.load import read_contract
from services.common.database import session
from services.common.kafka.scan import BACKFILL_GROUP, scan
from services.common.settings import KafkaSettings, TopicSettings
from services.scorer.models.load import load_model
from services.tools.backfill.labels import read_labels
from services.tools.backfill.read import find_ranges
from services.tools.backfill.report import lines, make_report
from services.tools.backfill.score import Rescorer
from services.tools.backfill.table import Run
from services.tools.command import MOMENT_HELP, exit_code, moment_argument


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    options = _parser().parse_args(arguments)
    return exit_code("backfill", lambda: backfill(options.model, options.since, options.until, options.labels))


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
    parser.add_argument(
        "--since", type=moment_argument, metavar="TIME", help=f"from then on by the brokers' clock: {MOMENT_HELP}"
    )
    parser.add_argument("--until", type=moment_argument, metavar="TIME", help="up to this moment")
    parser.add_argument("--labels", type=Path, metavar="FILE", help="labelled CSV that was sent: F1 by its target")
    return parser


if __name__ == "__main__":
    sys.exit(main())
