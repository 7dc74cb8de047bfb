"""Finds Kafka transactions that nobody will end, and ends them as their coordinator decided (KIP-664).

Such a one holds up all readers of its partition that read what is committed: the last stable offset stays before it.
confluent-kafka has none of the calls of KIP-664; kafka-python has.
"""

import struct
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaException
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import AbortTransactionSpec
from kafka.errors import KafkaError
from kafka.protocol.producer.transaction import WriteTxnMarkersRequest

from services.common.errors import Retry, Stop
from services.common.kafka.offsets import LATEST, BrokerQuery, Partition
from services.common.kafka.scan import TRANSACTIONS_GROUP, scan, whole_topic
from services.common.settings import KafkaSettings

OFFSETS_TOPIC, STATE_TOPIC = "__consumer_offsets", "__transaction_state"
SETTLE_SECONDS = 1.0
"""Between two looks: a commit whose markers are just being written looks the same for a moment."""

GRACE_SECONDS = 30.0
"""Past its timeout the coordinator aborts a transaction; it looks every 10 s, and may have been down."""

UNDECIDED = frozenset(("Ongoing", "PrepareCommit", "PrepareAbort", "PrepareEpochFence"))
"""States in which the coordinator still has something to do."""

STATE_HEAD = struct.Struct(">hqhib")
"""How a value of STATE_TOPIC begins: version, producer id, its epoch, timeout, state (Kafka 4.3,
TransactionLogValue.json)."""

COMMITS, ABORTS = frozenset((2, 4)), frozenset((3, 5))
"""States there (Kafka 4.3, TransactionState.java): to be committed, or committed; the same of aborts."""

LIBRDKAFKA_NAMES = {
    "security.protocol": "security_protocol",
    "sasl.mechanism": "sasl_mechanism",
    "sasl.mechanisms": "sasl_mechanism",
    "sasl.username": "sasl_plain_username",
    "sasl.password": "sasl_plain_password",
    "ssl.ca.location": "ssl_cafile",
    "ssl.certificate.location": "ssl_certfile",
    "ssl.key.location": "ssl_keyfile",
    "ssl.key.password": "ssl_password",
}
"""Property of librdkafka -> argument of kafka-python."""


@dataclass(frozen=True, slots=True)
class EndlessTransaction:
    """A Kafka transaction that nobody will end, in one partition.

    Attributes:
        first_offset: of its first record; the last stable offset cannot pass it.
        end_offset: of the partition.
        transactional_id: None if its coordinator has forgotten it.
        silent_seconds: since its producer last wrote to the partition.
        commits: whether its coordinator has decided to commit it; any other is aborted.
    """

    topic: str
    partition: int
    first_offset: int
    end_offset: int
    producer_id: int
    producer_epoch: int
    coordinator_epoch: int
    transactional_id: str | None
    silent_seconds: float
    commits: bool

    def __str__(self) -> str:
        by = f"producer {self.producer_id}, {self.transactional_id or 'which its coordinator has forgotten'}"
        return (
            f"{self.topic}/{self.partition}: a Kafka transaction has no end ({by}, silent for"
            f" {self.silent_seconds:.0f} s); the last stable offset stays at {self.first_offset}, the end is"
            f" {self.end_offset}"
        )


class TransactionAdmin:
    """Asks the brokers for transactions; to be closed.

    Raises:
        Stop: they do not answer, or refuse.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka, self._query = kafka, BrokerQuery(kafka)
        try:
            self._client = KafkaAdminClient(**client_arguments(kafka.client_config()))
        except KafkaError as error:
            raise Stop(f"Kafka does not answer: {error}") from error

    def close(self) -> None:
        """Release the connections."""
        self._client.close()
        self._query.close()

    def partitions(self, ours: Iterable[str]) -> list[Partition]:
        """Return the partitions in which one would hold us up: those of our topics, and of the groups' offsets.

        Raises:
            Retry: the brokers do not answer.
        """
        try:
            return self._query.partitions((*ours, OFFSETS_TOPIC))
        except KafkaException as error:
            raise Retry(f"Kafka does not answer: {error.args[0].str()}") from error

    def find(self, partitions: Iterable[Partition]) -> list[EndlessTransaction]:
        """Return the transactions without an end, by partition. Takes a second if any transaction is open.

        Raises:
            Stop: the brokers refuse; Retry: they do not answer.
        """
        try:
            return self._find(partitions)
        except KafkaError as error:
            raise Stop(f"Kafka does not say which transactions are open: {error}") from error

    def end(self, found: EndlessTransaction) -> None:
        """Write the marker that is missing.

        Raises:
            Stop: the brokers refuse.
        """
        marker = WriteTxnMarkersRequest.WritableTxnMarker
        topic = marker.WritableTxnMarkerTopic(name=found.topic, partition_indexes=[found.partition])
        request = WriteTxnMarkersRequest(
            markers=[
                marker(
                    producer_id=found.producer_id,
                    producer_epoch=found.producer_epoch,
                    transaction_result=found.commits,
                    topics=[topic],
                    coordinator_epoch=max(0, found.coordinator_epoch),
                )
            ]
        )
        place = TopicPartition(found.topic, found.partition)
        try:
            # The library's own call can only abort; this is how it sends.
            manager = self._client._manager
            leaders = manager.run(self._client._async_get_leader_for_partitions, [place])
            answer = manager.run(manager.send, request, next(iter(leaders)))
            spec = AbortTransactionSpec(place, found.producer_id, found.producer_epoch)
            self._client._abort_transaction_process_response(answer, spec)
        except KafkaError as error:
            raise Stop(f"{found.topic}/{found.partition}: Kafka does not end it: {error}") from error

    def _find(self, partitions: Iterable[Partition]) -> list[EndlessTransaction]:
        first = self._open(partitions)
        if not first:
            return []
        time.sleep(SETTLE_SECONDS)
        known = self._described({state.producer_id for state in first.values()})
        again = self._open({(topic, partition) for topic, partition, _, _ in first})
        endless = {
            place: state
            for place, state in again.items()
            if place in first and _is_endless(state, known.get(state.producer_id, (None, None))[1], time.time())
        }
        if not endless:
            return []
        ends = self._query.watermarks([place[:2] for place in endless], LATEST)
        decided = decisions(self._kafka)
        return [
            EndlessTransaction(
                topic=topic,
                partition=partition,
                first_offset=offset,
                end_offset=ends[topic, partition],
                producer_id=producer,
                producer_epoch=state.producer_epoch,
                coordinator_epoch=state.coordinator_epoch,
                transactional_id=known.get(producer, (None, None))[0],
                silent_seconds=max(0.0, time.time() - state.last_timestamp / 1000),
                commits=decided.get((producer, state.producer_epoch), False),
            )
            for (topic, partition, producer, offset), state in sorted(endless.items(), key=lambda found: found[0])
        ]

    def _open(self, partitions: Iterable[Partition]) -> dict[tuple[str, int, int, int], Any]:
        """Return topic, partition, producer id and first offset of each open transaction -> the producer's state."""
        found = self._client.describe_producers([TopicPartition(*partition) for partition in partitions])
        return {
            (place.topic, place.partition, state.producer_id, state.current_transaction_start_offset): state
            for place, producers in found.items()
            for state in producers.active_producers
            if state.current_transaction_start_offset >= 0
        }

    def _described(self, producers: set[int]) -> dict[int, tuple[str | None, Any]]:
        """Return producer id -> its transactional id, and what the coordinator says of that."""
        listed = self._client.list_transactions(producer_id_filters=list(producers))
        ids = [one.transactional_id for of_broker in listed.values() for one in of_broker]
        described = self._client.describe_transactions(ids)
        return {about.producer_id: (name, about) for name, about in described.items()}


def client_arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return kafka-python's arguments for a configuration of librdkafka: addresses and how to log in."""
    found = {LIBRDKAFKA_NAMES[name]: value for name, value in config.items() if name in LIBRDKAFKA_NAMES}
    if "security_protocol" in found:
        found["security_protocol"] = found["security_protocol"].upper()
    checks_name = config.get("ssl.endpoint.identification.algorithm", "https") != "none"
    return found | {
        "bootstrap_servers": config["bootstrap.servers"].split(","),
        "ssl_check_hostname": checks_name,
    }


def decisions(kafka: KafkaSettings) -> dict[tuple[int, int], bool]:
    """Return producer id and epoch -> whether its last transaction is to be committed, where that is decided.

    Raises:
        Retry: the brokers do not answer.
    """
    found: dict[tuple[int, int], bool] = {}
    for messages in scan(kafka, TRANSACTIONS_GROUP, STATE_TOPIC, whole_topic(kafka, STATE_TOPIC)):
        for value in (message.value() for message in messages):
            if value is None:
                continue
            _, producer, epoch, _, state = STATE_HEAD.unpack_from(value)
            found.pop((producer, epoch), None)
            if state in COMMITS | ABORTS:
                found[producer, epoch] = state in COMMITS
    return found


def _is_endless(state: Any, about: Any, now: float) -> bool:
    """Return whether no coordinator will end a transaction.

    Args:
        state: of the producer in the partition.
        about: what the coordinator of its transactional id says; None if it does not know it.
        now: seconds since 1970.
    """
    if about is None or about.state.value not in UNDECIDED:
        return True
    began = about.transaction_start_time_ms if about.transaction_start_time_ms > 0 else state.last_timestamp
    return bool(now - began / 1000 > about.transaction_timeout_ms / 1000 + GRACE_SECONDS)
