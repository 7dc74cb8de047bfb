"""Sends the sample file through the running stack, and prints the result."""

import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import orjson
import psycopg

from services.common.contract.load import read_contract
from services.common.errors import Stop
from services.common.settings import ModelFolder, project_root
from services.sender.csvfile import prepare
from services.sender.report import FileRefused
from stack.plan import kafka_environment
from stack.postgres import conninfo
from stack.settings import StackSettings, read_passwords

SAMPLE = project_root() / "services" / "simulator" / "sample.csv"
SCORED_WITHIN_SECONDS = 90.0
SHOWN = 5


def send_sample(settings: StackSettings, since: float, file: Path = SAMPLE) -> None:
    """Send the file if its fields are the contract's, wait until all its rows are in the database, and print the worst.

    Also prints how long after `since`, in seconds of the Unix epoch, the first flagged one was in the database.

    Raises:
        Stop: the sender failed, or the scores did not come in time.
    """
    ids = _ids(file)
    if not ids:
        print(f"\n{file.relative_to(project_root())} has other fields than the contract, and is not sent")
        return
    print(f"\nsending {file.relative_to(project_root())}", flush=True)
    sender = [sys.executable, "-m", "services.sender", str(file)]
    if subprocess.run(sender, env=kafka_environment(settings), cwd=project_root(), check=False).returncode != 0:
        raise Stop(f"the sender could not send {file}")
    started = time.monotonic()
    password = read_passwords(settings.home)["POSTGRES_PASSWORD"]
    with psycopg.connect(conninfo(settings.postgres_port, password), autocommit=True) as session:
        flagged, first_flagged = _wait_for_scores(session, ids)
        took = time.monotonic() - started
        print(f"{len(ids)} of {len(ids)} transactions scored in {took:.1f} s, {flagged} flagged")
        if first_flagged:
            print(f"first flagged transaction in the database {first_flagged - since:.0f} s after the command")
        _print_worst(session, ids)


def _ids(file: Path) -> list[str]:
    """Return the ids that the sender gives to the rows of a file; none if its columns are not the contract's fields."""
    contract = read_contract(ModelFolder.read().scorer_model_dir)
    with suppress(FileRefused), prepare(file, contract=contract) as prepared:
        if not prepared.report.missing_columns:
            return [orjson.loads(value)[contract.record.id] for _, value in prepared]
    return []


def _wait_for_scores(session: psycopg.Connection, ids: list[str]) -> tuple[int, float | None]:
    """Wait until the ids have scores; return how many are flagged, and when, by time.time(), the first one was seen."""
    first_flagged: float | None = None
    deadline = time.monotonic() + SCORED_WITHIN_SECONDS
    count = "select count(*), coalesce(sum(fraud_flag), 0) from scores where transaction_id = any(%s)"
    while True:
        scored, flagged = session.execute(count, [ids]).fetchone() or (0, 0)
        if flagged and not first_flagged:
            first_flagged = time.time()
        if scored == len(ids):
            return flagged, first_flagged
        if time.monotonic() > deadline:
            raise Stop(f"only {scored} of {len(ids)} transactions were scored within {SCORED_WITHIN_SECONDS:.0f} s")
        time.sleep(0.1)


def _print_worst(session: psycopg.Connection, ids: list[str]) -> None:
    columns = "to_char(score, '0.000'), amount, category, merchant, state, to_char(event_time, 'YYYY-MM-DD HH24:MI')"
    worst = session.execute(
        f"select {columns} from scored_transactions where transaction_id = any(%s) and fraud_flag = 1 "  # noqa: S608  # ours
        "order by score desc, transaction_id limit %s",
        [ids, SHOWN],
    ).fetchall()
    header = ("score", "amount", "category", "merchant", "state", "event time")
    for row in (header, *worst):
        score, amount, category, merchant, state, event_time = ("" if cell is None else str(cell) for cell in row)
        print(f"{score:>6} {amount:>10}  {category:<16} {merchant:<32} {state:<6} {event_time}")
