"""Ports on loopback: which are free, which are taken."""

import fcntl
import itertools
import os
import secrets
import socket
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import BinaryIO

from services.common.errors import Stop

# Below the ports that the system gives to outgoing connections (from 32768 on Linux, 49152 on macOS): else a connection
# could take the port of a server that is being restarted.
FIRST_PORT, PORTS = 20_000, 12_000
_offsets = itertools.count(secrets.randbelow(PORTS))
_RESERVATIONS = Path(tempfile.gettempdir(), f"fraud-ports-{os.getuid()}")


def free_port() -> int:
    """Return a port that nothing listens on just now, another one at each call in any process of this user.

    It stays this process's until it ends: between here and the first listening another process would find it free too.
    """
    ports = (FIRST_PORT + offset % PORTS for offset in _offsets)
    return next(port for port in ports if not is_taken(port) and _is_reserved(port))


def _is_reserved(port: int) -> bool:
    """Reserve a port, by a lock on one byte of a file; return whether no other process has it."""
    try:
        fcntl.lockf(_reservations(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except BlockingIOError:
        return False
    return True


@cache
def _reservations() -> BinaryIO:
    """Return the file of the locks; closing it would give all of them up (POSIX.1-2024, fcntl)."""
    return _RESERVATIONS.open("ab")


def is_taken(port: int) -> bool:
    """Return whether something listens on this port of loopback, or on it everywhere."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            return True
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that linger do not count
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def check_ports(ports: Mapping[str, int]) -> None:
    """Check the ports that are given as variable -> port.

    Raises:
        Stop: some are taken; says which variables to set.
    """
    taken = {variable: port for variable, port in ports.items() if is_taken(port)}
    if taken:
        lines = [
            f"port {port} is in use: end what listens there, or set {variable} to a free port (e.g. {free_port()})"
            for variable, port in taken.items()
        ]
        raise Stop("\n".join(lines))
