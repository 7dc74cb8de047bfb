"""Makes Kafka slow for those who write to it."""

from collections.abc import Iterator
from contextlib import contextmanager

from kafka import KafkaAdminClient
from kafka.protocol.admin.client_quotas import AlterClientQuotasRequest


@contextmanager
def slow_for_producers(kafka: str, bytes_a_second: float) -> Iterator[None]:
    """Limit each producer to a rate meanwhile; Kafka delays what exceeds it over ten seconds."""
    _limit(kafka, bytes_a_second)
    try:
        yield
    finally:
        _limit(kafka, None)


def _limit(kafka: str, bytes_a_second: float | None) -> None:
    entry = AlterClientQuotasRequest.EntryData
    request = AlterClientQuotasRequest(
        entries=[
            entry(
                entity=[entry.EntityData(entity_type="client-id", entity_name=None)],
                ops=[
                    entry.OpData(key="producer_byte_rate", value=bytes_a_second or 0.0, remove=bytes_a_second is None)
                ],
            )
        ],
        validate_only=False,
    )
    client = KafkaAdminClient(bootstrap_servers=kafka)
    try:
        manager = client._manager  # the library has no call for it; this is how it sends
        answer = manager.run(manager.send, request)
    finally:
        client.close()
    assert [(one.error_code, one.error_message) for one in answer.entries] == [(0, None)]
