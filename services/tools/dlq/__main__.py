"""`python -m services.tools.dlq inspect|replay`: look at rejected records, and send them on their way again.

Exit code: 0 done; 1 not, or only in part: what was done is noted, so run it again; 2 wrong arguments.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

from services.common.errors import FraudError, Reason
from services.common.logs import configure_logs
from services.common.settings import KafkaSettings, TopicSettings
from services.tools.dlq.letter import UNKNOWN, Letter, Selection, moment, obstacle
from services.tools.dlq.replay import Replay, batches
from services.tools.dlq.summary import Summary, obstacle_lines
from services.tools.dlq.table import Rejects
from services.tools.dlq.topic import DeadLetters

SCORER, SINK = "scorer", "sink"


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit code."""
    options = _parser().parse_args(arguments)
    configure_logs("dlq")
    try:
        options.run(options)
    except FraudError as error:
        print(f"dlq: {error}", file=sys.stderr)
        return 1
    return 0


def inspect(options: argparse.Namespace) -> None:
    """Print what there is."""
    selection, summary = _selection(options), Summary(options.examples)
    with _letters(options) as letters:
        for letter in filter(selection.takes, letters):
            summary.add(letter)
    for line in summary.lines(show=options.show):
        print(line)


def replay(options: argparse.Namespace) -> None:
    """Replay what is meant and can be replayed; without --go, say what that would be."""
    if options.of == SCORER:
        _replay_dead_letters(options)
    else:
        _replay_rejects(options)


def _replay_dead_letters(options: argparse.Namespace) -> None:
    """Publish dead letters again. The notes are read after the replay is open: from then on nobody else writes any."""
    kafka, topics = KafkaSettings.read(), TopicSettings.read()
    target = Replay(kafka, topics.dead_letters, topics.transactions) if options.go else None
    if target:
        target.open()
    fit = _Fit(options, {topics.transactions})
    sent = 0
    try:
        for batch in batches(filter(fit, DeadLetters.open(kafka, topics.dead_letters).letters())):
            if target:
                target.send(batch)
            sent += len(batch)
    except FraudError:
        print(f"{sent if target else 0:,} were sent before it failed")
        raise
    would = "" if options.go else "would be "
    _tell(f"{sent:,} {would}sent to {topics.transactions}", fit, go=options.go)


def _replay_rejects(options: argparse.Namespace) -> None:
    """Apply the sink's rejects to the tables."""
    topics = TopicSettings.read()
    fit = _Fit(options, {topics.scores, topics.transactions, topics.alerts})
    applied = refused = 0
    try:
        with Rejects.open(topics) as rejects:
            for batch in batches(filter(fit, rejects.letters())):
                done, again = rejects.apply(batch, go=options.go)
                applied, refused = applied + done, refused + again
    except FraudError:
        print(f"{applied if options.go else 0:,} were applied before it failed")
        raise
    would = "" if options.go else "would be "
    _tell(f"{applied:,} {would}applied to the tables, {refused:,} {would}refused again", fit, go=options.go)


class _Fit:
    """Whether a letter is meant and can be replayed; counts why those that are meant cannot."""

    def __init__(self, options: argparse.Namespace, topics: set[str]) -> None:
        self.obstacles: Counter[str] = Counter()
        self._selection = _selection(options)
        self._obstacle = partial(obstacle, topics=topics, most_attempts=options.max_attempts)

    def __call__(self, letter: Letter) -> bool:
        if not self._selection.takes(letter):
            return False
        if why := self._obstacle(letter):
            self.obstacles[why] += 1
        return not why


def _tell(what: str, fit: _Fit, *, go: bool) -> None:
    print(what)
    for line in obstacle_lines(fit.obstacles):
        print(line)
    if not go:
        print("a dry run: nothing was changed; add --go")


@contextmanager
def _letters(options: argparse.Namespace) -> Iterator[Iterator[Letter]]:
    topics = TopicSettings.read()
    if options.of == SCORER:
        yield DeadLetters.open(KafkaSettings.read(), topics.dead_letters).letters()
    else:
        with Rejects.open(topics) as rejects:
            yield rejects.letters()


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
    which.add_argument(
        "--of", choices=(SCORER, SINK), default=SCORER,
        help="whose: the scorer's dead letters in Kafka (default), or the sink's rejects in PostgreSQL",
    )  # fmt: skip
    some = which.add_argument_group("which of them; all of these must fit")
    reasons = [*(reason.value for reason in Reason), UNKNOWN]
    some.add_argument(
        "--reason", action="append", default=[], choices=reasons, metavar="REASON", help=", ".join(reasons)
    )
    some.add_argument(
        "--partition", action="append", default=[], type=int, metavar="N", help="of the record's own topic"
    )
    some.add_argument("--from", dest="first", type=int, metavar="OFFSET", help="in the record's own topic, included")
    some.add_argument("--to", dest="last", type=int, metavar="OFFSET", help="included")
    when = "30m (ago; s, m, h, d) or 2026-11-24T03:00 (UTC)"
    some.add_argument("--since", type=_moment, metavar="TIME", help=f"rejected then or later: {when}")
    some.add_argument("--until", type=_moment, metavar="TIME", help="rejected before")

    command = commands.add_parser("inspect", parents=[which], allow_abbrev=False, help="counts, times and examples")
    command.add_argument("--examples", type=_whole, default=1, metavar="N", help="of each reason and field; default: 1")
    command.add_argument("--show", action="store_true", help="show the examples' bytes: they may name people")
    command.set_defaults(run=inspect)

    command = commands.add_parser("replay", parents=[which], allow_abbrev=False, help="a dry run, unless --go is given")
    command.add_argument("--go", action="store_true", help="do it")
    command.add_argument(
        "--max-attempts", type=_whole, default=3, metavar="N",
        help="a record that was rejected so often is not replayed again; default: 3",
    )  # fmt: skip
    command.set_defaults(run=replay)
    return parser


def _whole(text: str) -> int:
    if (number := int(text)) < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return number


def _moment(text: str) -> datetime:
    try:
        return moment(text, datetime.now(UTC))
    except ValueError:
        raise argparse.ArgumentTypeError(f"neither like 30m nor like 2026-11-24T03:00: {text}") from None


if __name__ == "__main__":
    sys.exit(main())
