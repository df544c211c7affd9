"""A blocking Unix stream socket with a length before each message: what people write by hand."""

from __future__ import annotations

import socket
import struct

from bench.ring.cases import MIB, SIZES
from bench.ring.endpoint import PATIENCE_S, Endpoint, Message, Seat, System
from bench.ring.systems.connecting import dial

LENGTH = struct.Struct("<I")
# The kernel's default holds less than a large message; it gives as much as it allows (wmem_max). Not to
# eight readers: what waits for all of them would leave the cache.
BUFFER_BYTES = 4 * MIB
# The kernel bounds each call: no poll() before it, no switch to non-blocking.
PATIENCE = struct.pack("ll", int(PATIENCE_S), 0)


class SocketEndpoint(Endpoint):
    """Received into one buffer; sent with the length in one system call."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        self._sockets = sockets
        self._first = sockets[0]
        self._first.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, PATIENCE)
        self._head = bytearray(LENGTH.size)
        self._body = memoryview(bytearray(max(SIZES)))

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
    setting = (
        "blocking, SO_SNDBUF 4 MiB, sendmsg of length and message, recv_into one buffer; fan-out: one a "
        "reader, SO_SNDBUF as it comes"
    )

    def connect(self, seat: Seat) -> SocketEndpoint:
        if not seat.is_sender:
            nobody = f"nobody listens at {seat.address}"
            return SocketEndpoint([dial(lambda: _connect(seat), nobody)])
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(seat.address)
            listener.listen(seat.readers)
            return SocketEndpoint([_widened(seat, listener.accept()[0]) for _ in range(seat.readers)])


def _widened(seat: Seat, made: socket.socket) -> socket.socket:
    if seat.replies:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
    return made


def _connect(seat: Seat) -> socket.socket:
    made = _widened(seat, socket.socket(socket.AF_UNIX))
    try:
        made.connect(seat.address)
    except OSError:
        made.close()
        raise
    return made


SYSTEM = SocketSystem()
