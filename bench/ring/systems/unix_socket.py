"""A blocking Unix stream socket with a length before each message: what people write by hand."""

from __future__ import annotations

import contextlib
import socket
import struct
import time

from bench.ring.cases import SIZES
from bench.ring.endpoint import CONNECT_S, PATIENCE_S, Message, Seat, System

LENGTH = struct.Struct("<I")
# The kernel bounds each call: no poll() before it, no switch to non-blocking.
PATIENCE = struct.pack("ll", int(PATIENCE_S), 0)


class SocketEndpoint:
    """Received into one buffer; sent with the length in one system call."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        self._sockets = sockets
        self._first = sockets[0]
        self._first.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, PATIENCE)
        self._head = bytearray(LENGTH.size)
        self._body = memoryview(bytearray(max(SIZES)))

    def begin(self, size: int, spin_ns: int) -> None:
        """Nothing to choose."""

    def send(self, message: Message) -> None:
        size = len(message)
        for each in self._sockets:
            sent = each.sendmsg([LENGTH.pack(size), message])
            if sent < size + LENGTH.size:
                each.sendall(memoryview(message)[max(0, sent - LENGTH.size) :])

    def receive(self) -> Message | None:
        try:
            self._first.recv_into(self._head, LENGTH.size, socket.MSG_WAITALL)
        except BlockingIOError:
            return None
        (size,) = LENGTH.unpack(self._head)
        body, filled = self._body[:size], 0
        while filled < size:
            filled += self._first.recv_into(body[filled:])
        return body

    def close(self) -> None:
        for each in self._sockets:
            each.close()


class SocketSystem(System):
    """Both ways over one socket; fan-out: one socket a reader."""

    name = "Unix socket"
    setting = "blocking, sendmsg of length and message, recv_into one buffer; fan-out: one a reader"

    def connect(self, seat: Seat) -> SocketEndpoint:
        if not seat.is_sender:
            return SocketEndpoint([_dial(seat.address)])
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(seat.address)
            listener.listen(seat.readers)
            return SocketEndpoint([listener.accept()[0] for _ in range(seat.readers)])


def _dial(address: str) -> socket.socket:
    dialled = socket.socket(socket.AF_UNIX)
    deadline = time.monotonic() + CONNECT_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            dialled.connect(address)
            return dialled
        time.sleep(0.02)
    raise TimeoutError(f"nobody listens at {address}")


SYSTEM = SocketSystem()
