"""`python -m services.tools.labels [FILE]`: write the transactions that analysts have judged, as training data.

A CSV file in the form that `make model` reads: the fields of the model's contract and `target`, 1 where the last
verdict is fraud, 0 where it is a false alarm. The messages are read from Kafka again; what is left out is counted, on
standard error. Personal fields are blank without --personal.
Exit code: 0 done, 1 failed and nothing written, 2 wrong arguments.
"""

import argparse
import csv
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from itertools import chain
from pathlib import Path
from typing import TextIO

from services.common.contract.load import read_contract
from services.common.errors import Stop
from services.common.kafka.scan import LABELS_GROUP, scan, whole_topic
from services.common.settings import KafkaSettings, ModelFolder, TopicSettings
from services.tools.command import exit_code
from services.tools.dlq.summary import obstacle_lines
from services.tools.labels.collect import Collection, personal_fields
from services.tools.labels.judged import judged_ranges, read_judged


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    options, out = _parser().parse_args(arguments), sys.stdout
    with redirect_stdout(sys.stderr):  # logs too: standard output is for the rows
        return exit_code("labels", lambda: export(options.file, out, options.personal, options.replace))


def export(path: Path | None, out: TextIO, with_personal: bool, replace: bool) -> None:
    """Write the labelled rows to a file, or to `out`, and print how many there are and what is missing.

    Raises:
        Stop: the file is there already or cannot be written, or there are no rows; Retry: a server is unavailable.
    """
    if path and path.exists() and not replace:
        # Kafka may no longer hold what is in it.
        raise Stop(f"{path} is there already: name another file, or add --replace")
    kafka, topic = KafkaSettings.read(), TopicSettings.read().transactions
    contract = read_contract(ModelFolder.read().scorer_model_dir)
    judged, absent = read_judged()
    found = Collection(judged, topic, contract, with_personal=with_personal)
    ranges = judged_ranges(judged, whole_topic(kafka, topic))
    for message in chain.from_iterable(scan(kafka, LABELS_GROUP, topic, ranges)):
        found.see((message.partition() or 0, message.offset() or 0), message.value())
    for line in _lines(found, absent, personal_fields(contract), with_personal):
        print(line)
    if not found.rows:
        raise Stop("nothing to write")
    rows = [found.header, *(found.rows[position] for position in sorted(found.rows))]
    if path:
        write_private(path, rows)
    else:
        _write(out, rows)


def write_private(path: Path, rows: Sequence[Sequence[str]]) -> None:
    """Write a CSV file that its owner alone can read; an existing one is replaced as a whole.

    Raises:
        Stop: it cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
            draft = Path(folder) / "rows.csv"
            draft.touch(mode=0o600)
            with draft.open("w", newline="", encoding="utf-8") as file:
                _write(file, rows)
            draft.replace(path)
    except OSError as error:
        raise Stop(f"{path} cannot be written: {error.strerror}") from error


def _write(file: TextIO, rows: Sequence[Sequence[str]]) -> None:
    # Texts as they are, no apostrophe before what a spreadsheet takes for a formula: a model is trained on them.
    csv.writer(file).writerows(rows)


def _lines(found: Collection, absent: int, personal: list[str], with_personal: bool) -> Iterator[str]:
    """Yield the lines of the report."""
    frauds = sum(cells[-1] == "1" for cells in found.rows.values())
    yield f"{len(found.rows):>9,} labels: {frauds:,} frauds, {len(found.rows) - frauds:,} false alarms"
    yield from obstacle_lines(found.left_out + Counter({"no longer in the table transactions": absent}))
    for field, count in found.unreadable.items():
        yield f"{count:>9,} values of {field} cannot be read and are blank"
    if personal:
        state = "written" if with_personal else "blank; --personal writes them"
        yield f"personal fields ({', '.join(personal)}) are {state}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.tools.labels", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "file", type=Path, nargs="?", metavar="FILE", help="readable by you alone; default: standard output"
    )
    parser.add_argument("--personal", action="store_true", help="write the fields that the contract marks as personal")
    parser.add_argument("--replace", action="store_true", help="replace FILE if it is there")
    return parser


if __name__ == "__main__":
    sys.exit(main())
