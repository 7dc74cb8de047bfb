"""Ports on loopback: which are free, which are taken."""

import socket
from collections.abc import Mapping

from services.common.errors import Stop


def free_port() -> int:
    """Return a port that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


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
