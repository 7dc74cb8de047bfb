"""`python -m tests.faults.lone_broker`: kill a lone broker in the middle of commits, again and again.

Counts the Kafka transactions that are left without an end, and ends each as `make transactions ARGS=--go` does. No
service takes part: what is found is Kafka's. Prints a line for each that is found, then the counts.
"""

import argparse
import json
import random
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from services.common.kafka.closing import close
from services.common.settings import KafkaSettings, TopicSettings
from services.tools.transactions.endless import TransactionAdmin
from services.topics.__main__ import make_topics
from services.topics.shape import shapes
from stack.servers import KafkaServer, kafka_server

COMMITTERS = 4
BACK_SECONDS = 15.0
TOPICS = TopicSettings()


class Committer(threading.Thread):
    """Commits small Kafka transactions with offsets, one after the other, through any outage."""

    def __init__(self, number: int, kafka: KafkaSettings) -> None:
        super().__init__(daemon=True)
        self.commits = 0
        self.ending = threading.Event()
        self.number, self.kafka, self._id = number, kafka, f"lone-{number}"

    def run(self) -> None:
        """Begin anew after each error."""
        while not self.ending.is_set():
            try:
                self._commit_on()
            except KafkaException:
                time.sleep(0.1)

    def _commit_on(self) -> None:
        options = {"log_level": 0}
        config = self.kafka.client_config(transactional_id=self._id, transaction_timeout_ms=10_000)
        producer = Producer(config | options)
        group = Consumer(self.kafka.client_config(group_id=self._id) | options)
        try:
            producer.init_transactions(5)
            while not self.ending.is_set():
                producer.begin_transaction()
                for partition in range(TOPICS.partitions):
                    producer.produce(TOPICS.scores, b"{}", b"key", partition)
                offset = TopicPartition(TOPICS.transactions, 0, self.commits)
                producer.send_offsets_to_transaction([offset], group.consumer_group_metadata(), 5)
                producer.commit_transaction(5)
                self.commits += 1
        finally:
            close(group)


def main() -> None:
    """Kill and count."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.lone_broker", description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="default: %(default)s")
    parser.add_argument("--session-ms", type=int, default=1_000, help="broker.session.timeout.ms; default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    options = parser.parse_args()
    properties = {"broker.session.timeout.ms": str(options.session_ms)}
    with (
        tempfile.TemporaryDirectory() as folder,
        kafka_server(Path(folder) / "kafka", properties=properties) as server,
    ):
        counts = kill_again_and_again(server, options.kills, random.Random(options.seed))
    print(json.dumps({"session_ms": options.session_ms, **counts}))


def kill_again_and_again(server: KafkaServer, kills: int, chance: random.Random) -> Counter[str]:
    """Return how many kills, commits, transactions without an end, and of these how many were ended."""
    kafka = KafkaSettings(bootstrap_servers=server.bootstrap)
    make_topics(kafka, TOPICS)
    committers = [Committer(number, kafka) for number in range(COMMITTERS)]
    for committer in committers:
        committer.start()
    counts = Counter[str]()
    for _ in range(kills):
        time.sleep(chance.uniform(0.5, 1.5))
        server.kill()
        server.start()
        counts["kills"] += 1
        committers = [committer if one_more_commit(committer) else replaced(committer) for committer in committers]
        with closing(TransactionAdmin(kafka)) as admin:
            partitions = admin.partitions(shapes(TOPICS))
            for one in admin.find(partitions):
                print(one, flush=True)
                counts["without an end"] += 1
                admin.end(one)
            counts["ended"] = counts["without an end"] - len(admin.find(partitions))
    for committer in committers:
        committer.ending.set()
    counts["commits"] = sum(committer.commits for committer in committers)
    return counts


def one_more_commit(committer: Committer) -> bool:
    """Wait until it has committed again; return False if it does not for 15 s."""
    before, deadline = committer.commits, time.monotonic() + BACK_SECONDS
    while committer.commits == before:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def replaced(committer: Committer) -> Committer:
    """Return one in place of one that hangs: adding offsets may never return after a kill (librdkafka #5456)."""
    committer.ending.set()
    another = Committer(committer.number, committer.kafka)
    another.commits = committer.commits
    another.start()
    return another


if __name__ == "__main__":
    main()
