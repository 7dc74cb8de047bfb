"""Which errors of Kafka are outages."""

import pytest
from confluent_kafka import KafkaError

from services.common.outages import is_outage, log_refusal


@pytest.mark.parametrize(
    "code",
    [KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN, KafkaError.NOT_COORDINATOR,
     KafkaError.FENCED_LEADER_EPOCH],
)  # fmt: skip
def test_what_passes_by_itself_is_an_outage(code: int) -> None:
    """Nobody has refused anything."""
    assert is_outage(KafkaError(code))


@pytest.mark.parametrize(
    "code",
    [KafkaError._AUTHENTICATION, KafkaError._SSL, KafkaError.SASL_AUTHENTICATION_FAILED, KafkaError.INVALID_RECORD,
     KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.UNKNOWN_TOPIC_OR_PART],
)  # fmt: skip
def test_a_refusal_is_none(code: int) -> None:
    """It stays until a person repairs it, so it must not be told as something to wait for."""
    assert not is_outage(KafkaError(code))


def test_a_refusal_is_logged_once(capsys: pytest.CaptureFixture[str]) -> None:
    """What asks every second would fill the log; an outage is told elsewhere."""
    for code in (KafkaError._SSL, KafkaError._SSL, KafkaError._TIMED_OUT):
        log_refusal("lag_unknown", KafkaError(code))
    assert capsys.readouterr().out.count("lag_unknown") == 1
