"""A TCP proxy on loopback that a test cuts, slows down or freezes. Knows nothing of what passes through it."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from stack.ports import free_port

CHUNK_BYTES = 1 << 16


class Connection:
    """One client's connection through the proxy."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.keeps_server = False
        """Whether the server's side stays open when the client's ends: what was held back may be sent later."""

    def cut(self) -> None:
        """End both sides."""
        self.keeps_server = False
        for side in (self.client, self.server):
            _end(side)

    def cut_client(self) -> None:
        """End the client's side alone; the server notices nothing if `keeps_server`."""
        _end(self.client)


OnRequest = Callable[[Connection, bytes], bytes]
"""(connection, what the client sent) -> what to forward. May forward, hold back or cut by itself and return b""."""


class Proxy:
    """Forwards connections to a port of loopback while the block lasts; each way is a thread."""

    def __init__(self, target_port: int, port: int | None = None) -> None:
        self.target_port = target_port
        self.port = port or free_port()
        self.delay_seconds = 0.0
        self.refuses = False
        self.on_request: OnRequest = lambda _, data: data
        self.connections: list[Connection] = []
        self._flowing = threading.Event()
        self._flowing.set()
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._flowing.set()
        _end(self._listener)
        self.cut()

    def cut(self) -> None:
        """Cut all connections that there are; new ones are welcome."""
        for connection in list(self.connections):
            connection.cut()

    def freeze(self) -> None:
        """Forward nothing any more; all connections stay open, as when a cable is pulled."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Forward again, what was held first."""
        self._flowing.set()

    def heal(self) -> None:
        """Be a good proxy again."""
        self.delay_seconds, self.refuses = 0.0, False
        self.on_request = lambda _, data: data
        self.thaw()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                client, _ = self._listener.accept()
                if self.refuses:
                    client.close()
                    continue
                try:
                    server = socket.create_connection(("127.0.0.1", self.target_port), timeout=5)
                except OSError:
                    client.close()
                    continue
                server.settimeout(None)
                connection = Connection(client, server)
                for side in (client, server):
                    side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections.append(connection)
                for forward in (self._forward_requests, self._forward_answers):
                    threading.Thread(target=forward, args=(connection,), name="proxy", daemon=True).start()

    def _forward_requests(self, connection: Connection) -> None:
        with contextlib.suppress(OSError):
            while data := connection.client.recv(CHUNK_BYTES):
                self._pass(connection.server, self.on_request(connection, data))
        if not connection.keeps_server:
            self._forget(connection)

    def _forward_answers(self, connection: Connection) -> None:
        with contextlib.suppress(OSError):
            while data := connection.server.recv(CHUNK_BYTES):
                if not connection.keeps_server:
                    self._pass(connection.client, data)
        self._forget(connection)

    def _pass(self, side: socket.socket, data: bytes) -> None:
        if self.delay_seconds:
            time.sleep(self.delay_seconds)
        self._flowing.wait()
        if data:
            side.sendall(data)

    def _forget(self, connection: Connection) -> None:
        connection.cut()
        with contextlib.suppress(ValueError):
            self.connections.remove(connection)


def _end(side: socket.socket) -> None:
    """Close a socket and wake whoever waits on it."""
    with contextlib.suppress(OSError):
        side.shutdown(socket.SHUT_RDWR)
    side.close()
