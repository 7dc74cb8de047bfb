"""`python -m tests.faults.closings [ROUNDS]`: close members in the middle of rebalances; a table of how that went.

Nine members a round, static or dynamic, while the broker is there, frozen or gone.
"""

import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # re-exported without saying so

from stack.kafka import SHORT_LIVED
from stack.servers import KafkaServer, kafka_server
from tests.support.closings import Closings, closings

PARTITIONS = 6


def close_members(server: KafkaServer, topic: str, kind: str, state: str, rounds: int, way: str = "ours") -> Closings:
    """Close nine members a round and return what was counted; the broker is there again afterwards.

    Args:
        kind: static or dynamic.
        state: of the broker while they close: present, frozen (SIGSTOP) or gone (SIGKILL).
        way: ours, or plain for Consumer.close() itself.
    """
    with closings(server.bootstrap, topic, kind, way) as (child, found):
        for _ in range(rounds):
            if found.hung:
                break
            with ExitStack() as harm:

                def inflict(harm: ExitStack = harm) -> None:
                    if state == "frozen":
                        harm.enter_context(server.paused())
                    elif state == "gone":
                        server.kill()
                        harm.callback(server.start)

                child.round(inflict)
    return found


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with tempfile.TemporaryDirectory() as folder, kafka_server(Path(folder), flags=SHORT_LIVED) as server:
        admin, topic = AdminClient({"bootstrap.servers": server.bootstrap}), "closings"
        admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result()
        for state in ("present", "frozen", "gone"):
            for kind in ("static", "dynamic"):
                started = time.monotonic()
                found = close_members(server, topic, kind, state, rounds)
                took = sorted(found.seconds) or [0.0]
                print(
                    f"{state:8} {kind:8} closed {len(found.seconds):4}  late answers {found.late:3}"
                    f"  timeouts {found.timeouts}  hung {'yes' if found.hung else 'no'}"
                    f"  median {took[len(took) // 2]:.2f} s  longest {took[-1]:.2f} s"
                    f"  in {time.monotonic() - started:.0f} s",
                    flush=True,
                )


if __name__ == "__main__":
    main()
