"""A cable between two relays: each TCP connection through it can be made to stand still, silently."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack

from relay_edge import until

_PIECE_BYTES = 1 << 16


class CableConnection:
    """One connection through the cable: what either end sends is passed on until it stalls."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.passed_bytes = 0
        self._ends = (near, far)
        self._stalled = threading.Event()
        self._threads = [
            threading.Thread(target=self._pass_on, args=ends) for ends in ((near, far), (far, near))
        ]
        for thread in self._threads:
            thread.start()

    def stall(self) -> None:
        """Pass nothing on any more, also no end."""
        self._stalled.set()

    def close(self) -> None:
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for end in self._ends:
            end.close()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_PIECE_BYTES):
                if not self._stalled.is_set():
                    target.sendall(data)
                    self.passed_bytes += len(data)
        if not self._stalled.is_set():
            with contextlib.suppress(OSError):
                target.shutdown(socket.SHUT_RDWR)


class Cable:
    """Leads to an address on this host; a context manager."""

    def __init__(self, target: str) -> None:
        host, port = target.rsplit(":", 1)
        self._target = (host, int(port))
        self._server = socket.create_server((host, 0))
        self.address = f"{host}:{self._server.getsockname()[1]}"
        self.connections: list[CableConnection] = []
        self._accepting = threading.Thread(target=self._accept)

    def __enter__(self) -> Cable:
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._server.close()
        with ExitStack() as stack:
            for connection in self.connections:
                stack.callback(connection.close)

    def used_by(self, traffic: Callable[[], object], least_bytes: int) -> CableConnection:
        """The connection that traffic of so many bytes takes; heartbeats are less."""
        before = [(connection, connection.passed_bytes) for connection in self.connections]

        def users() -> list[CableConnection]:
            return [each for each, passed_bytes in before if each.passed_bytes - passed_bytes >= least_bytes]

        traffic()
        until(lambda: bool(users()), "a connection carries it")
        (user,) = users()
        return user

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._server.accept()
                self.connections.append(CableConnection(near, socket.create_connection(self._target)))
