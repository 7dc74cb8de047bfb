"""`python -m tests.faults.service scorer|sink …`: the real service in a process whose client libraries have failpoints.

Environment, beside the service's own: FAULTS_POINTS, FAULTS_POISON_AMOUNT, FAULTS_VARIANT, FAULTS_HOST,
FAULTS_WATCHDOG_SECONDS, FAULTS_TRANSACTION_TIMEOUT_MS.
"""

import faulthandler
import importlib
import os
import resource
import signal
import socket
import sys

from tests.faults import faulty, variants
from tests.faults.failpoints import Failpoints

VARIANT, HOST = "FAULTS_VARIANT", "FAULTS_HOST"
"""Which variant of the service, if any; and the name of the host it is to believe it runs on."""


def main() -> int:
    """Run the service; return its exit code."""
    name = sys.argv.pop(1)
    faulthandler.register(signal.SIGUSR1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    points = Failpoints.of_process()
    if host := os.environ.get(HOST):
        socket.gethostname = lambda: host
    if variant := os.environ.get(VARIANT):
        variants.install(variant, points)
    else:
        faulty.install_kafka(points)
    if limit := os.environ.get(faulty.WATCHDOG):
        faulty.install_watchdog(float(limit))
    if name == "sink":
        faulty.install_postgres(points)
    if os.environ.get(faulty.POISON):
        faulty.install_poison()
    return int(importlib.import_module(f"services.{name}.__main__").main())


if __name__ == "__main__":
    sys.exit(main())
