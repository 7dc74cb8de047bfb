"""`python -m tests.support.waits_for_coordinator BROKER GROUP TOPIC`: ask for orphans before a broker answers, and on.

A process of its own: what it shows is that the client does not abort it.
"""

import sys
import time

from services.common.kafka import orphans
from services.common.kafka.offsets import BrokerQuery
from services.common.settings import KafkaSettings
from stack.ports import free_port
from tests.support.proxy import Proxy

ANSWER_SECONDS = 0.5
OUTAGE_SECONDS = 3.0
AFTERWARDS_SECONDS = 2.0


def watch(monitor: orphans.OrphanMonitor, seconds: float) -> None:
    """Ask as often as a consumer does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        monitor.should_rejoin()
        time.sleep(0.05)


def main() -> None:
    """Print how many members the group has, once a broker answers."""
    broker, group, topic = sys.argv[1:]
    orphans.ANSWER_SECONDS = ANSWER_SECONDS  # several requests are given up in the outage
    port = free_port()
    query = BrokerQuery(KafkaSettings(bootstrap_servers=f"127.0.0.1:{port}"))
    monitor = orphans.OrphanMonitor(query, group, [topic])
    watch(monitor, OUTAGE_SECONDS)
    with Proxy(int(broker.rsplit(":", 1)[1]), port):
        watch(monitor, AFTERWARDS_SECONDS)
        print(f"members: {query.members(group)}")


if __name__ == "__main__":
    main()
