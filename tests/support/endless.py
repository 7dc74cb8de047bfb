"""Makes Kafka transactions without an end: the coordinator's own record of one is replaced, and the broker restarted.

What is left is what a lone broker that was killed in the middle of a commit can leave: a partition whose transaction is
open, and a coordinator that has nothing more to do.
"""

from collections.abc import Mapping

from confluent_kafka import Producer

from services.common.settings import KafkaSettings
from services.tools.transactions.endless import STATE_HEAD, STATE_TOPIC
from stack.servers import KafkaServer
from tests.support.topics import read_all

COMPLETE_COMMIT = 4
STATE_OFFSET = STATE_HEAD.size - 1
KEY_HEAD_BYTES = 4
"""Of a key of STATE_TOPIC: its version and the length of the transactional id, two bytes each."""


def forget_ends(server: KafkaServer, transactional_ids: Mapping[str, bool]) -> None:
    """Let the coordinator forget each open transaction (False), or take it for committed though no marker says so."""
    bootstrap = server.bootstrap
    states = {(message.key() or b"")[KEY_HEAD_BYTES:].decode(): message for message in read_all(bootstrap, STATE_TOPIC)}
    # Brokers let a client of this name write to their internal topics.
    config = KafkaSettings(bootstrap_servers=bootstrap).client_config(client_id="__admin_client")
    producer = Producer(config)
    for name, commits in transactional_ids.items():
        state = states[name]
        value = bytearray(state.value() or b"")
        value[STATE_OFFSET] = COMPLETE_COMMIT
        producer.produce(STATE_TOPIC, bytes(value) if commits else None, state.key(), state.partition() or 0)
    assert producer.flush(10) == 0
    server.restart()
