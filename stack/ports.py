"""Ports on loopback: which are free, which are taken."""

import itertools
import secrets
import socket
from collections.abc import Mapping

from services.common.errors import Stop

# Below the ports that the system gives to outgoing connections (from 32768 on Linux, 49152 on macOS): else a connection
# could take the port of a server that is being restarted.
FIRST_PORT, PORTS = 20_000, 12_000
_offsets = itertools.count(secrets.randbelow(PORTS))


def free_port() -> int:
    """Return a port that nothing listens on just now, another one at each call.

    Processes begin at random places, so two that ask at the same time get different ports.
    """
    return next(port for offset in _offsets if not is_taken(port := FIRST_PORT + offset % PORTS))


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
