"""Replays dead letters: publishes their records again and notes that, in one Kafka transaction. Knows no selection.

The notes lie in the dead letters' topic itself. A consumer group's offsets would not do: a selection leaves gaps, and
Kafka forgets the offsets of an idle group after a week, when the dead letters are still there.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from services.common.kafka.dead_letters import PREFIX, REPLAYS, Headers, errors_of, own_headers, replay_marker
from services.common.kafka.transaction import TransactionalProducer
from services.common.settings import KafkaSettings
from services.tools.dlq.dead_letter import DeadLetter

BATCH_BYTES = 8 * 1024 * 1024
BATCH_LETTERS = 500
PATIENCE_SECONDS = 60.0
TRANSACTION_TIMEOUT_MS = 10_000
"""A Kafka transaction that a killed replay leaves open blocks readers for this long, and 10 s more at most."""


class Replay:
    """Replays dead letters under a transactional id that is always the same: a second replay ends the first, and what a
    killed one left open is aborted, both when the new one opens. So notes that are read after open() are all there are.
    """

    def __init__(self, kafka: KafkaSettings, dead_letters: str, topic: str) -> None:
        self._dead_letters = dead_letters
        self._topic = topic
        self._producer = TransactionalProducer(
            kafka,
            REPLAYS,
            (dead_letters, topic),
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            commit_seconds=PATIENCE_SECONDS,
        )

    def open(self) -> None:
        """Take the transactional id.

        Raises:
            Retry: the broker does not answer within a minute; Stop: it refuses.
        """
        self._producer.open(patience_seconds=PATIENCE_SECONDS)

    def send(self, dead_letters: Sequence[DeadLetter]) -> None:
        """Replay dead letters, all of them or none, in one Kafka transaction:

        1. publish their records to the topic they came from: key and value untouched, headers of their own
        2. write a note to each of their partitions in the dead letters
        3. commit

        Raises:
            Retry: nothing was sent, another replay has taken over, or a commit was not answered; who runs the replay
            again finds out by the notes. Stop: the broker refuses.
        """
        replayed: dict[int, list[int]] = defaultdict(list)
        with self._producer.transaction("replaying"):
            for dead_letter in dead_letters:
                self._producer.send(self._topic, dead_letter.value, dead_letter.key, headers_again(dead_letter))
                _, partition, offset = dead_letter.at
                replayed[partition].append(offset)
            for partition, offsets in replayed.items():
                value, headers = replay_marker(offsets)
                self._producer.send(self._dead_letters, value, None, headers, partition)


def headers_again(dead_letter: DeadLetter) -> Headers:
    """Return the headers of a record that is published again: its own, and what the next rejection goes on from."""
    origin = {"attempts": str(dead_letter.attempts), "replayed_from": dead_letter.place}
    if first_seen := errors_of(dead_letter.headers).get("first_seen"):
        origin["first_seen"] = first_seen
    return own_headers(dead_letter.headers) + [(PREFIX + name, text) for name, text in origin.items()]


def batches(dead_letters: Iterable[DeadLetter]) -> Iterator[list[DeadLetter]]:
    """Yield dead letters in batches of at most 500 and (but for a single large one) 8 MiB."""
    batch: list[DeadLetter] = []
    size = 0
    for dead_letter in dead_letters:
        added = len(dead_letter.value or b"") + len(dead_letter.key or b"")
        if batch and (len(batch) == BATCH_LETTERS or size + added > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(dead_letter)
        size += added
    if batch:
        yield batch
