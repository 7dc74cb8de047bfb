"""Ports of loopback: taken or free, and what is said of it."""

import socket
import subprocess
import sys

import pytest

from services.common.errors import Stop
from stack.ports import check_ports, free_port, is_taken


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104  # bound everywhere on purpose
def test_a_port_that_something_listens_on_is_taken(host: str) -> None:
    """Also if it listens on all addresses."""
    with socket.create_server((host, 0)) as server:
        assert is_taken(server.getsockname()[1])


def test_a_free_port_is_not_taken() -> None:
    """What free_port() gives can be listened on."""
    assert not is_taken(free_port())


def test_what_one_process_was_given_no_other_gets_until_it_ends() -> None:
    """Even if both begin at the same place and nothing listens yet."""
    asked = "import sys, stack.ports as p; p._offsets = iter(range(9_000, 9_500))"
    asked += "; print(*(p.free_port() for _ in range(20)), flush=True); sys.stdin.read()"

    def ask() -> tuple["subprocess.Popen[str]", list[str]]:
        process = subprocess.Popen(
            [sys.executable, "-c", asked], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout
        return process, process.stdout.readline().split()

    (first, ports), (second, others) = ask(), ask()
    first.communicate(timeout=30)
    third, again = ask()
    for process in (second, third):
        process.communicate(timeout=30)

    assert len(ports) == len(others) == 20
    assert not set(ports) & set(others)
    assert not set(others) & set(again)
    assert set(ports) & set(again)


def test_a_port_in_use_is_told_with_the_variable_to_set() -> None:
    """The message names the port and the variable, and only those that are taken."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(Stop) as stopped:
            check_ports({"KAFKA_PORT": port, "UI_PORT": free_port()})
    assert f"port {port} is in use" in str(stopped.value)
    assert "set KAFKA_PORT" in str(stopped.value)
    assert "UI_PORT" not in str(stopped.value)
