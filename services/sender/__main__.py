"""Sends CSV files to Kafka from a terminal: `python -m services.sender FILE [FILE…]`.

Exit code: 0 all rows were sent; 1 some rows were refused, the others were sent; 2 a file was unusable or not sent.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from services.common.contract.load import read_contract
from services.common.contract.model import Contract
from services.common.database import connect
from services.common.errors import FraudError, Retry, Stop
from services.common.settings import KafkaSettings, ModelFolder, TopicSettings
from services.sender.csvfile import PreparedFile, prepare
from services.sender.ids import STORED, Look, TakenIds
from services.sender.publish import publish
from services.sender.report import FileFault, FileRefused, FileReport, Refusal

ALL_SENT, SOME_REFUSED, NOT_SENT = 0, 1, 2
REFUSALS_SHOWN = 10
_OF_IDS = (FileFault.IDS_TAKEN, FileFault.IDS_UNCHECKED)


def main(arguments: Sequence[str] | None = None) -> int:
    """Send each file; return the worst of their exit codes."""
    parser = ArgumentParser(prog="python -m services.sender", description="Send CSV files of transactions to Kafka.")
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE",
        help="CSV, TSV or TXT with the contract's fields as columns, also as .gz or a .zip of one file",
    )  # fmt: skip
    parser.add_argument("--check", action="store_true", help="read and report, send nothing")
    parser.add_argument(
        "--ids", type=TakenIds, choices=[TakenIds.OVERWRITE, TakenIds.OWN], default=TakenIds.ASK,
        help="rows whose id another transaction has: overwrite it, or send the row under an id of its own;"
        " by default such a file is not sent",
    )  # fmt: skip
    options = parser.parse_args(arguments)
    try:
        contract = read_contract(ModelFolder.read().scorer_model_dir)
    except Stop as error:
        print(f"nothing sent: {error}", file=sys.stderr)
        return NOT_SENT
    return max(_send_file(path, contract, options.ids, check_only=options.check) for path in options.files)


def _send_file(path: Path, contract: Contract, ids: TakenIds, *, check_only: bool) -> int:
    """Check a file, print the report, send its rows; return the exit code."""
    try:
        with prepare(path, contract=contract) as prepared:
            print(f"{path.name}: {describe(prepared.report)}")
            if not check_only:
                with _id_lookup(prepared, ids) as look:
                    prepared.settle_ids(ids, look)
                _send(prepared)
            return SOME_REFUSED if prepared.report.refused_total else ALL_SENT
    except FileRefused as refused:
        hint = "; choose --ids overwrite or --ids own" if refused.code in _OF_IDS else ""
        print(f"{path.name}: cannot be used ({refused.code}): {refused.detail}{hint}", file=sys.stderr)
    except FraudError as error:
        print(f"{path.name}: not sent: {error}", file=sys.stderr)
    return NOT_SENT


@contextmanager
def _id_lookup(prepared: PreparedFile, ids: TakenIds) -> Iterator[Look | None]:
    """Give a query of the database by ids; None if it is unavailable or not needed."""
    if not prepared.report.has_ids or ids is TakenIds.OVERWRITE:
        yield None
        return
    try:
        connection = connect("fraud-sender")
    except Retry:
        yield None
        return
    with connection:
        yield lambda wanted: connection.execute(STORED, [wanted]).fetchall()


def _send(prepared: PreparedFile) -> None:
    """Send the transactions and print the rate."""
    topic = TopicSettings.read().transactions
    started = monotonic()
    acknowledged = publish(prepared, KafkaSettings.read(), topic, on_progress=_progress(len(prepared), started))
    seconds = monotonic() - started
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(f"sent {acknowledged:,} rows to {topic} in {seconds:.1f} s ({acknowledged / max(seconds, 1e-3):,.0f} rows/s)")


def _progress(total: int, started: float) -> Callable[[int], None]:
    """Return a callback that shows the progress on a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        return lambda _: None

    def show(acknowledged: int) -> None:
        rate = acknowledged / max(monotonic() - started, 1e-3)
        print(f"\r{acknowledged:,} of {total:,} ({rate:,.0f} rows/s) ", end="", file=sys.stderr, flush=True)

    return show


def describe(report: FileReport) -> str:
    """Return a report as text: a line of figures, repairs, refusals."""
    separator = "tab" if report.separator == "\t" else report.separator
    figures = f"{report.rows:,} rows, {report.ready:,} ready, {report.refused_total:,} refused"
    lines = [f"{figures} ({report.encoding}, separator {separator})"]
    if report.missing_columns:
        lines.append(f"no column for {', '.join(report.missing_columns)}: sent as null")
    if report.ignored_columns:
        lines.append(f"columns not sent: {', '.join(report.ignored_columns)}")
    lines += [f"repaired: {repair.replace('_', ' ')}, {times:,} times" for repair, times in report.repaired.items()]
    lines += [
        f"unknown {value.field}: {value.value!r} in {value.rows:,} rows, first in line {value.line}"
        for value in report.unknown
    ]
    shown = report.refused[:REFUSALS_SHOWN]
    lines += map(_refusal, shown)
    more = report.refused_total - sum(bad.rows for bad in shown)
    if more:
        lines.append(f"... and {more:,} more")
    return "\n  ".join(lines)


def _refusal(bad: Refusal) -> str:
    """Return a refused row as a line; ambiguous values have one line for all their rows."""
    value = f" ({bad.value})" if bad.value else ""
    alike = f"; {bad.rows - 1:,} more rows like it" if bad.rows > 1 else ""
    return f"line {bad.line} refused: {' '.join(filter(None, (bad.field, bad.message)))}{value}{alike}"


if __name__ == "__main__":
    sys.exit(main())
