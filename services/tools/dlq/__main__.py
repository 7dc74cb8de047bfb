"""`python -m services.tools.dlq inspect|replay`: show the dead letters, and publish them again.

Exit code: 0 done; 1 failed, perhaps in part: what was replayed is recorded, so run it again; 2 wrong arguments.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator

from services.common.database import session
from services.common.errors import FraudError, Reason
from services.common.settings import KafkaSettings, TopicSettings
from services.tools.command import MOMENT_HELP, exit_code, moment_argument
from services.tools.dlq.dead_letter import UNKNOWN, DeadLetter, Selection, obstacle
from services.tools.dlq.replay import Replay, batches
from services.tools.dlq.summary import Summary, obstacle_lines
from services.tools.dlq.topic import DeadLetterTopic


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit code."""
    options = _parser().parse_args(arguments)
    return exit_code("dlq", lambda: options.run(options))


def inspect(options: argparse.Namespace) -> None:
    """Print a summary of the selected dead letters, and how many records the sink rejected."""
    selection, summary = _selection(options), Summary(options.examples)
    topic = DeadLetterTopic.open(KafkaSettings.read(), TopicSettings.read().dead_letters)
    for dead_letter in filter(selection.takes, topic.dead_letters()):
        summary.add(dead_letter)
    for line in summary.lines(show=options.show):
        print(line)
    print(f"\n{_count_sink_rejects()}")


def _count_sink_rejects() -> str:
    try:
        with session("fraud-dlq", statement_timeout=60_000) as connection:
            ((count,),) = connection.execute("select count(*) from sink_rejects").fetchall()
    except FraudError as error:
        return f"sink_rejects could not be counted: {error}"
    return f"{count:,} records rejected by the sink, in the table sink_rejects"


def replay(options: argparse.Namespace) -> None:
    """Publish the selected dead letters again; without --go, only count them.

    The markers of earlier replays are read after the producer is open: from then on no other replay can write any.
    """
    kafka, topics = KafkaSettings.read(), TopicSettings.read()
    target = Replay(kafka, topics.dead_letters, topics.transactions) if options.go else None
    if target:
        target.open()
    selected = filter(_selection(options).takes, DeadLetterTopic.open(kafka, topics.dead_letters).dead_letters())
    obstacles: Counter[str] = Counter()

    def replayable() -> Iterator[DeadLetter]:
        for dead_letter in selected:
            if why := obstacle(dead_letter, topics.transactions, options.max_attempts):
                obstacles[why] += 1
            else:
                yield dead_letter

    sent = 0
    try:
        for batch in batches(replayable()):
            if target:
                target.send(batch)
            sent += len(batch)
    except FraudError:
        print(f"{sent if target else 0:,} sent before the failure")
        raise
    print(f"{sent:,} {'' if target else 'would be '}sent to {topics.transactions}")
    for line in obstacle_lines(obstacles):
        print(line)
    if not target:
        print("dry run: nothing was changed; add --go")


def _selection(options: argparse.Namespace) -> Selection:
    return Selection(
        reasons=frozenset(options.reason),
        partitions=frozenset(options.partition),
        first_offset=options.first,
        last_offset=options.last,
        since=options.since,
        until=options.until,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.tools.dlq", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    which = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    some = which.add_argument_group("selection; all given conditions must match")
    reasons = [*(reason.value for reason in Reason), UNKNOWN]
    some.add_argument(
        "--reason", action="append", default=[], choices=reasons, metavar="REASON", help=", ".join(reasons)
    )
    some.add_argument(
        "--partition", action="append", default=[], type=int, metavar="N", help="of the record's own topic"
    )
    some.add_argument("--from", dest="first", type=int, metavar="OFFSET", help="in the record's own topic, included")
    some.add_argument("--to", dest="last", type=int, metavar="OFFSET", help="included")
    some.add_argument("--since", type=moment_argument, metavar="TIME", help=f"rejected then or later: {MOMENT_HELP}")
    some.add_argument("--until", type=moment_argument, metavar="TIME", help="rejected before")

    command = commands.add_parser("inspect", parents=[which], allow_abbrev=False, help="counts, times and examples")
    command.add_argument("--examples", type=_whole, default=1, metavar="N", help="of each reason and field; default: 1")
    command.add_argument("--show", action="store_true", help="show the examples' bytes: they may name people")
    command.set_defaults(run=inspect)

    command = commands.add_parser("replay", parents=[which], allow_abbrev=False, help="dry run without --go")
    command.add_argument("--go", action="store_true", help="publish them")
    command.add_argument(
        "--max-attempts", type=_whole, default=3, metavar="N",
        help="skip records that were rejected this many times; default: 3",
    )  # fmt: skip
    command.set_defaults(run=replay)
    return parser


def _whole(text: str) -> int:
    if (number := int(text)) < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return number


if __name__ == "__main__":
    sys.exit(main())
