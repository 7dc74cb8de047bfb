"""Reading the changelog while somebody else holds it up."""

import pytest
from confluent_kafka import IsolationLevel, Producer

from services.common.kafka.scan import HeldBack
from services.common.settings import KafkaSettings, TopicSettings
from services.scorer import metrics
from services.scorer.history import restore
from tests.support.topics import log_ends


def test_a_restore_waits_for_an_open_transaction_but_not_for_ever(
    kafka: str, topics: TopicSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not decided yet is waited for; a restore that stands still is restarted with new clients."""
    settings = KafkaSettings(bootstrap_servers=kafka)
    producer = Producer({"bootstrap.servers": kafka, "transactional.id": topics.history})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topics.history, b"undecided", b"key", partition=0)
    assert producer.flush(30) == 0
    assert log_ends(kafka, topics.history, IsolationLevel.READ_COMMITTED)[0] == 0
    waited: list[None] = []

    before = metrics.UNSTABLE_OFFSETS._value.get()
    with (
        monkeypatch.context() as impatient,
        pytest.raises(HeldBack, match=r"holds .*history back in the partitions \[0\]"),
    ):
        impatient.setattr(restore, "STALLED_SECONDS", 1.0)
        restore.read_changelog(settings, topics.history, [0, 1], lambda: waited.append(None))

    assert len(waited) > 1
    assert metrics.UNSTABLE_OFFSETS._value.get() == before + 1
    producer.commit_transaction(30)
    found = restore.read_changelog(settings, topics.history, [0, 1], lambda: None)
    assert found == {0: [(b"key", b"undecided")], 1: []}
