"""A request to a group's coordinator that times out while no broker answers aborts the process when one does.

    pip install confluent-kafka==2.16.1
    python coordinator_request_aborts.py localhost:9092

An admin client asks about a group at an address where nobody listens. Its request times out, as it should. Then the
address forwards to the broker.

Expected: the client connects, and the process goes on. What happens:

    rdkafka_queue.h:1086: rd_kafka_enq_once_del_source_return: Assertion `eonce->refcnt > 0' failed.
"""

import contextlib
import socket
import sys
import threading
import time

from confluent_kafka import KafkaException, libversion, version
from confluent_kafka.admin import AdminClient

REQUEST_SECONDS = 2.0
CONNECTS_WITHIN_SECONDS = 15.0


def forward(listener: socket.socket, host: str, port: int) -> None:
    """Forward all connections."""
    while True:
        client, broker = listener.accept()[0], socket.create_connection((host, port))
        for source, target in ((client, broker), (broker, client)):
            threading.Thread(target=pump, args=(source, target), daemon=True).start()


def pump(source: socket.socket, target: socket.socket) -> None:
    """Copy bytes until one side closes."""
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            target.sendall(data)


def main() -> None:
    """Let a request time out, then let the client connect."""
    print("confluent-kafka", version(), "librdkafka", libversion()[0])
    host, port = sys.argv[1].rsplit(":", 1)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # nobody is let in before listen()
        admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{listener.getsockname()[1]}", "log_level": 0})
        try:
            admin.describe_consumer_groups(["any"], request_timeout=REQUEST_SECONDS)["any"].result()
        except KafkaException as error:
            print("as it should:", error.args[0].name(), flush=True)
        listener.listen()
        threading.Thread(target=forward, args=(listener, host, int(port)), daemon=True).start()
        time.sleep(CONNECTS_WITHIN_SECONDS)
    print("the process goes on")


if __name__ == "__main__":
    main()
