"""Distinguishes an outage of Kafka, which passes by itself, from a refusal, which a person must fix."""

from functools import cache

from confluent_kafka import KafkaError

from services.common.logs import get_logger

_OUTAGES = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._RESOLVE,
        KafkaError._TIMED_OUT,
        KafkaError._TIMED_OUT_QUEUE,
        KafkaError._MSG_TIMED_OUT,
        KafkaError._WAIT_COORD,
        KafkaError._QUEUE_FULL,
        KafkaError._PURGE_QUEUE,
        KafkaError._PURGE_INFLIGHT,
        KafkaError._NODE_UPDATE,
        KafkaError._FATAL,  # of a producer: a new one may succeed
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.NOT_ENOUGH_REPLICAS,
        KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        KafkaError.NOT_CONTROLLER,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.KAFKA_STORAGE_ERROR,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER,
        KafkaError.UNKNOWN_PRODUCER_ID,
        KafkaError.THROTTLING_QUOTA_EXCEEDED,
    }
)
"""Codes of Kafka's protocol and of librdkafka (rdkafka.h) that are no refusal."""


def is_outage(error: KafkaError) -> bool:
    """Return whether an error means that brokers are unavailable for a while."""
    return error.retriable() or error.code() in _OUTAGES


def log_refusal(event: str, error: KafkaError) -> None:
    """Log an error that is no outage, once a process: it would come again every second."""
    if not is_outage(error):
        _log_once(event, error.name())


@cache
def _log_once(event: str, error: str) -> None:
    get_logger().warning(event, error=error)
