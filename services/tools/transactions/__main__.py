"""`python -m services.tools.transactions`: name Kafka transactions that nobody will end; with --go end them.

Needs the rights to describe producers and transactions, and with --go to alter the cluster. Exit code: 0 done,
1 failed.
"""

import argparse
import sys
from contextlib import closing

from services.common.errors import Stop
from services.common.settings import KafkaSettings, TopicSettings
from services.tools.command import exit_code
from services.tools.transactions.endless import TransactionAdmin
from services.topics.shape import shapes


def main(arguments: list[str] | None = None) -> int:
    """Find and end; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m services.tools.transactions", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--go", action="store_true", help="end them; without it nothing is changed")
    options = parser.parse_args(arguments)
    return exit_code("transactions", lambda: end_all(KafkaSettings.read(), TopicSettings.read(), go=options.go))


def end_all(kafka: KafkaSettings, topics: TopicSettings, *, go: bool) -> None:
    """Print the transactions without an end, and with `go` end each as its coordinator decided, or else abort it.

    Raises:
        Stop, Retry: the brokers refuse, or do not answer.
    """
    with closing(TransactionAdmin(kafka)) as admin:
        if not (partitions := admin.partitions(shapes(topics))):
            raise Stop("none of the topics is there, or none may be seen")
        found = admin.find(partitions)
        for one in found:
            print(f"{one}: {'commit' if one.commits else 'abort'}")
            if go:
                admin.end(one)
    if not found:
        print("no Kafka transaction is without an end")
    elif go:
        print(f"{len(found)} ended")
    else:
        print("nothing was changed: add --go to end them so")


if __name__ == "__main__":
    sys.exit(main())
