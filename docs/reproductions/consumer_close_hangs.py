"""`Consumer.close()` never returns, and Python with it, if a rebalance callback waits to be served.

    pip install confluent-kafka==2.16.1
    python consumer_close_hangs.py localhost:9092 [rounds]

Each round is a process of its own: five consumers, each alone in a cooperative group, subscribe, do not poll until they
have been given their partitions (so that callback waits in the queue), and call close(). Its parent counts the rounds
that do not end.

Expected: close() returns, or raises. What happens: most static members hang, dynamic ones do not. A watchdog thread in
the same process never gets to run: incremental_unassign() waits without releasing the GIL.
"""

import subprocess
import sys
import threading
import time
import uuid

from confluent_kafka import Consumer, libversion, version
from confluent_kafka.admin import AdminClient, NewTopic

ENDS_WITHIN_SECONDS = 25.0
JOINS_WITHIN_SECONDS = 4.0
AT_ONCE = 5
CALLBACKS = {"on_assign": Consumer.incremental_assign, "on_revoke": Consumer.incremental_unassign}


def close_some(*arguments: str) -> None:
    """Close consumers at the same time."""
    threads = [threading.Thread(target=close_one, args=arguments) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("closed", flush=True)


def close_one(bootstrap: str, topic: str, kind: str, callbacks: str) -> None:
    """Close a consumer for which an assignment waits."""
    static = {"group.instance.id": "one"} if kind == "static" else {}
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": uuid.uuid4().hex,
            "partition.assignment.strategy": "cooperative-sticky",
            **static,
        }
    )
    consumer.subscribe([topic], **(CALLBACKS if callbacks == "callbacks" else {}))
    time.sleep(JOINS_WITHIN_SECONDS)
    consumer.close()


def ends(*arguments: str) -> bool:
    """Run a round in a process; return whether it ended by itself."""
    with subprocess.Popen([sys.executable, __file__, "one", *arguments], stdout=subprocess.PIPE) as process:
        try:
            printed, _ = process.communicate(timeout=ENDS_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            printed, _ = process.communicate()
        return b"closed" in printed


def main() -> None:
    """Count the rounds of each kind that hang."""
    if sys.argv[1] == "one":
        close_some(*sys.argv[2:])
        return
    bootstrap, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10
    topic = f"close-{uuid.uuid4().hex}"
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, 6, 1)])[topic].result()
    print("confluent-kafka", version(), "librdkafka", libversion()[0])
    for kind in ("static", "dynamic"):
        for callbacks in ("callbacks", "no callbacks"):
            hung = sum(not ends(bootstrap, topic, kind, callbacks) for _ in range(rounds))
            print(f"{kind} member, {callbacks}: {hung} of {rounds} hang", flush=True)


if __name__ == "__main__":
    main()
