"""`python -m services.tools.customer export|erase CUSTOMER`: export or erase the data of one customer.

CUSTOMER is the key of their transactions: the fields of the contract's record.key, joined by |. Needs the rights of
the database's owner.
Exit code: 0 done; 1 failed, perhaps in part: run it again; 2 wrong arguments.
"""

import argparse
import csv
import sys
from typing import Any

import orjson

from services.common.contract.load import read_contract
from services.common.contract.model import Contract
from services.common.errors import Stop
from services.common.settings import KafkaSettings, ModelFolder, TopicSettings
from services.common.spreadsheet import safe_text
from services.scorer.compile import compile_features
from services.scorer.settings import ScorerSettings
from services.tools.command import exit_code
from services.tools.customer.changelog import Records, hash_of, records_without, remembered
from services.tools.customer.mentions import mentions
from services.tools.customer.tables import Rows, Tables
from services.tools.customer.topics import read_history, retention_days, write_history
from services.tools.dlq.dead_letter import DeadLetter
from services.tools.dlq.topic import DeadLetterTopic
from services.topics.change import wait_until_scorers_left


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the exit code."""
    options = _parser().parse_args(arguments)

    def run() -> None:
        contract = read_contract(ModelFolder.read().scorer_model_dir)
        check_customer(options.customer, contract)
        options.run(options, KafkaSettings.read(), TopicSettings.read(), contract)

    return exit_code("customer", run)


def export(options: argparse.Namespace, kafka: KafkaSettings, topics: TopicSettings, contract: Contract) -> None:
    """Print all data of a customer as JSON, or their transactions and scores as CSV."""
    with Tables.open(options.customer, contract) as tables:
        if options.csv:
            _print_csv(tables.scored())
            return
        found: dict[str, Any] = {"customer": options.customer, "tables": tables.rows()}
        dead_letters = _dead_letters(kafka, topics, options.customer, tables.ids, contract)
    customer, history = hash_of(options.customer), read_history(kafka, topics.history)
    numbers = compile_features(contract).numbers
    histories = [remembered(records, customer, numbers) for records in history.values()]
    found["history"] = {
        "transactions": [transaction for one in histories for transaction in one.transactions],
        "older_transactions_as_sums": sum(one.summed_up for one in histories),
    }
    found["dead_letters"] = [
        {
            "place": dead_letter.place,
            "reason": dead_letter.reason,
            "value": (dead_letter.value or b"").decode(errors="replace"),
        }
        for dead_letter in dead_letters
    ]
    sys.stdout.write(orjson.dumps(found, default=str, option=orjson.OPT_INDENT_2).decode() + "\n")


def erase(options: argparse.Namespace, kafka: KafkaSettings, topics: TopicSettings, contract: Contract) -> None:
    """Erase a customer from history and tables; without --go, print what that would do.

    1. wait until no scorer runs: it has the customer in memory, and would write them again
    2. remove them from the history, in one Kafka transaction
    3. delete their rows, in one database transaction
    4. list what only retention removes: the dead letters, and the records of the topics
    """
    customer = hash_of(options.customer)
    if options.go:
        wait_until_scorers_left(kafka, ScorerSettings.read())
    history: dict[int, Records] = read_history(kafka, topics.history)
    numbers = compile_features(contract).numbers
    changes = {partition: records_without(records, customer, numbers) for partition, records in history.items()}
    transactions = sum(len(remembered(records, customer, numbers).transactions) for records in history.values())
    if options.go and any(changes.values()):
        write_history(kafka, topics.history, changes)
    with Tables.open(options.customer, contract) as tables:
        dead_letters = _dead_letters(kafka, topics, options.customer, tables.ids, contract)
        rows = tables.erase() if options.go else {table: len(found) for table, found in tables.rows().items()}
    verb = "erased" if options.go else "would be erased"
    for table, count in rows.items():
        print(f"{count:>9,} rows of {table} {verb}")
    rewritten = sum(map(len, changes.values()))
    print(f"{transactions:>9,} transactions of {topics.history} {verb}, {rewritten} records rewritten")
    _print_what_stays(kafka, topics, dead_letters)
    if not options.go:
        print("dry run: nothing was changed; add --go")


def _print_what_stays(kafka: KafkaSettings, topics: TopicSettings, dead_letters: list[DeadLetter]) -> None:
    print(f"{len(dead_letters):>9,} dead letters stay until retention removes them:")
    for dead_letter in dead_letters:
        print(f"            {dead_letter.place}")
    sent = [topics.transactions, topics.scores, topics.alerts, topics.dead_letters]
    for topic, days in retention_days(kafka, sent).items():
        print(f"{'':>9} {topic} keeps records {'for ever' if days is None else f'for {days:g} days'}")


def _dead_letters(
    kafka: KafkaSettings, topics: TopicSettings, customer: str, ids: list[str], contract: Contract
) -> list[DeadLetter]:
    """Return the dead letters of a customer."""
    known = frozenset(ids)
    found = DeadLetterTopic.open(kafka, topics.dead_letters).dead_letters()
    return [one for one in found if mentions(one.key, one.value, customer, known, contract)]


def _print_csv(rows: Rows) -> None:
    columns = list(rows[0]) if rows else ["transaction_id"]
    writer = csv.writer(sys.stdout)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([safe_text(cell) if isinstance(cell, str) else cell for cell in row.values()])


def check_customer(customer: str, contract: Contract) -> None:
    """Raise Stop unless a text can be the key of somebody's transactions."""
    fields, parts = contract.record.key, customer.split("|")
    if not fields:
        raise Stop("the contract has no record.key: no transaction is anybody's")
    if len(parts) < len(fields) or not all(parts):
        raise Stop(f"expected {'|'.join(fields)}, got {customer}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.tools.customer", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    customer = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    customer.add_argument("customer", metavar="CUSTOMER", help="the fields of record.key in the contract, joined by |")

    command = commands.add_parser("export", parents=[customer], allow_abbrev=False, help="all data, as JSON")
    command.add_argument("--csv", action="store_true", help="only transactions with their scores, as CSV")
    command.set_defaults(run=export)

    command = commands.add_parser("erase", parents=[customer], allow_abbrev=False, help="dry run without --go")
    command.add_argument("--go", action="store_true", help="erase; no scorer may run")
    command.set_defaults(run=erase)
    return parser


if __name__ == "__main__":
    sys.exit(main())
