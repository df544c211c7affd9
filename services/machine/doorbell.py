"""The socket that loops ring after they have said something: one datagram, "RUN/NODE"."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

NAME_BYTES = 1024


class Doorbell:
    """Calls `on_ring(run, node)` for each ring.

    A lost one costs a quarter of a second: every node is looked at that often anyway.
    """

    def __init__(self, path: Path, on_ring: Callable[[str, str], None]) -> None:
        self._path = path
        self._on_ring = on_ring
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        path.unlink(missing_ok=True)
        self._socket.bind(str(path))
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._readable)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def _readable(self) -> None:
        rang = set()
        while True:
            try:
                rang.add(self._socket.recv(NAME_BYTES))
            except BlockingIOError:
                break
        for name in rang:
            run, _, node = name.decode(errors="replace").partition("/")
            self._on_ring(run, node)
