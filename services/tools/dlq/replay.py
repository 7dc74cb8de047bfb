"""Replays letters: publishes their records again and notes that, in one Kafka transaction. Knows no selection.

The notes lie in the dead letters' topic itself. A consumer group's offsets would not do: a selection leaves gaps, and
Kafka forgets the offsets of an idle group after a week, when the letters are still there.
"""

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from confluent_kafka import KafkaError, KafkaException, Producer

from services.common.errors import Retry, Stop
from services.common.kafka.dead_letters import PREFIX, REPLAYS, Headers, errors_of, note_of, own_headers
from services.common.settings import KafkaSettings
from services.tools.dlq.letter import Letter

ABORT_TIMEOUT_SECONDS = 5.0
BATCH_BYTES = 8 * 1024 * 1024
BATCH_LETTERS = 500
COMMIT_TIMEOUT_SECONDS = 15.0
INIT_TIMEOUT_SECONDS = 5.0
PATIENCE_SECONDS = 60.0
PARTITION_UA = -1
"""librdkafka's RD_KAFKA_PARTITION_UA: the partitioner chooses by the key."""
QUEUE_WAIT_SECONDS = 0.05
TRANSACTION_TIMEOUT_MS = 10_000
"""What a replay that was killed leaves open holds up the readers of its topics for so long, 10 s more at most."""


class Replay:
    """A transactional producer whose id is always the same: a second replay ends the first, and what a killed one left
    open is aborted, both when the new one opens. So notes that are read after open() are all there are.
    """

    def __init__(self, kafka: KafkaSettings, dead_letters: str, topic: str) -> None:
        self._dead_letters = dead_letters
        self._topic = topic
        self._doubt: KafkaError | None = None
        self._producer = Producer(
            kafka.client_config(
                transactional_id=REPLAYS,
                transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
                partitioner="murmur2_random",
                compression_type="lz4",
                linger_ms=5,
                retry_backoff_ms=10,
                error_cb=self._on_error,
            )
        )

    def open(self) -> None:
        """Take the transactional id.

        Raises:
            Retry: the broker does not answer within a minute; Stop: it refuses.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                self._producer.init_transactions(INIT_TIMEOUT_SECONDS)
            except KafkaException as error:
                _give_up_unless_retriable(error, deadline, "taking the transactional id")
            else:
                self._producer.poll(0)
                self._doubt = None  # what went wrong before is fenced now
                return

    def send(self, letters: Sequence[Letter]) -> None:
        """Replay letters, all of them or none, in one Kafka transaction:

        1. publish their records to the topic they came from: key and value untouched, headers of their own
        2. write a note to each of their partitions in the dead letters
        3. commit

        Raises:
            Retry: nothing was sent, or a commit was not answered; who runs the replay again finds out by the notes.
            Stop: likewise; another replay has taken over, or the broker refuses.
        """
        self._producer.poll(0)
        if self._doubt:
            raise Retry(f"the connection to Kafka broke: {self._doubt.name()}")
        try:
            self._producer.begin_transaction()
            replayed: dict[int, list[int]] = defaultdict(list)
            for letter in letters:
                self._produce(self._topic, letter.value, letter.key, headers_again(letter))
                _, partition, offset = letter.at
                replayed[partition].append(offset)
            for partition, offsets in replayed.items():
                value, headers = note_of(offsets)
                self._produce(self._dead_letters, value, None, headers, partition)
            self._commit()
        except KafkaException as error:
            with contextlib.suppress(KafkaException):
                self._producer.abort_transaction(ABORT_TIMEOUT_SECONDS)
            cause: KafkaError = error.args[0]
            if cause.code() in {KafkaError._FENCED, KafkaError.INVALID_PRODUCER_EPOCH}:
                raise Stop("another replay has taken over, this one ends") from error
            raise Retry(f"sending failed: {cause.name()}: {cause.str()}") from error

    def _commit(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                self._producer.commit_transaction(COMMIT_TIMEOUT_SECONDS)
            except KafkaException as error:
                if not error.args[0].retriable() or time.monotonic() > deadline:
                    raise
            else:
                return

    def _produce(
        self, topic: str, value: bytes | None, key: bytes | None, headers: Headers, partition: int = PARTITION_UA
    ) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, partition, headers=headers)
            except BufferError:
                self._producer.poll(QUEUE_WAIT_SECONDS)
            else:
                return

    def _on_error(self, error: KafkaError) -> None:
        self._doubt = error


def headers_again(letter: Letter) -> Headers:
    """Return the headers of a record that is published again: its own, and what the next rejection goes on from."""
    topic, partition, offset = letter.at
    told = {"attempts": str(letter.attempts), "replayed_from": f"{topic}/{partition}@{offset}"}
    if first_seen := errors_of(letter.headers).get("first_seen"):
        told["first_seen"] = first_seen
    return own_headers(letter.headers) + [(PREFIX + name, text) for name, text in told.items()]


def batches(letters: Iterable[Letter]) -> Iterator[list[Letter]]:
    """Yield letters in batches of at most 500 and (but for a single large one) 8 MiB."""
    batch: list[Letter] = []
    size = 0
    for letter in letters:
        added = len(letter.value or b"") + len(letter.key or b"")
        if batch and (len(batch) == BATCH_LETTERS or size + added > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(letter)
        size += added
    if batch:
        yield batch


def _give_up_unless_retriable(error: KafkaException, deadline: float, doing: str) -> None:
    cause: KafkaError = error.args[0]
    sentence = f"{doing} failed: {cause.name()}: {cause.str()}"
    if not cause.retriable():
        raise Stop(sentence) from error
    if time.monotonic() > deadline:
        raise Retry(sentence) from error
