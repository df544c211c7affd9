"""A network between a client and a server that can be made to carry nothing, without a word to either."""

from __future__ import annotations

import socket
import threading


class Network:
    """Carries TCP connections to `target` (HOST:PORT). A context manager; dial `address`."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._is_frozen = threading.Event()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Network:
        self._run(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listener, *self._sockets):
            # A thread that waits in it is woken by shutdown only.
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # its other end was faster
            each.close()
        for thread in self._threads:
            thread.join(10)

    def freeze(self) -> None:
        """Take what is sent, and carry nothing of it, in both directions."""
        self._is_frozen.set()

    def _run(self, function: object, *arguments: socket.socket) -> None:
        thread = threading.Thread(target=function, args=arguments, daemon=True)  # type: ignore[arg-type]
        thread.start()
        self._threads.append(thread)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            self._sockets += [near, far]
            self._run(self._carry, near, far)
            self._run(self._carry, far, near)

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                if not self._is_frozen.is_set():
                    target.sendall(data)
            if not self._is_frozen.is_set():
                target.shutdown(socket.SHUT_WR)
        except OSError:
            return  # closed
