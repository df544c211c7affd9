"""pyzmq over ipc: PAIR both ways, XPUB to SUB for the fan-out."""

from __future__ import annotations

import zmq

from bench.ring.cases import KIB
from bench.ring.endpoint import CONNECT_S, PATIENCE_S, Endpoint, Message, Seat, System

# The library's default: 100 gave a quarter less of 64 B messages.
HIGH_WATER_MARK = 1000
# The guide's advice: below this a copy costs less than keeping the caller's buffer alive.
ZERO_COPY_BYTES = 64 * KIB


class ZmqEndpoint(Endpoint):
    """A connected socket; messages are taken as frames, without a copy."""

    def __init__(self, context: zmq.Context, made: zmq.Socket) -> None:
        self._context, self._socket = context, made
        made.rcvtimeo = int(PATIENCE_S * 1000)

    def send(self, message: Message) -> None:
        self._socket.send(message, copy=len(message) < ZERO_COPY_BYTES)

    def receive(self) -> Message | None:
        try:
            return self._socket.recv(copy=False).buffer
        except zmq.Again:
            return None

    def close(self) -> None:
        self._context.destroy(linger=500)


class ZmqSystem(System):
    """XPUB_NODROP makes the publisher wait for a slow subscriber, as the ring's `block` does."""

    name = "pyzmq ipc"
    distributions = ("pyzmq",)
    setting = "PAIR, high-water mark 1000, copy=False from 64 KiB and on receive; fan-out: XPUB_NODROP to SUB"

    def connect(self, seat: Seat) -> ZmqEndpoint:
        context = zmq.Context()
        made = context.socket(_kind(seat))
        made.sndhwm = made.rcvhwm = HIGH_WATER_MARK
        address = f"ipc://{seat.address}"
        if not seat.is_sender:
            made.connect(address)
            if not seat.replies:
                made.subscribe(b"")
            return ZmqEndpoint(context, made)
        if not seat.replies:
            made.setsockopt(zmq.XPUB_NODROP, 1)
        made.bind(address)
        endpoint = ZmqEndpoint(context, made)
        if not seat.replies:
            _await_subscribers(made, seat.readers)
        return endpoint


def _kind(seat: Seat) -> int:
    if seat.replies:
        return int(zmq.PAIR)
    return int(zmq.XPUB if seat.is_sender else zmq.SUB)


def _await_subscribers(publisher: zmq.Socket, count: int) -> None:
    """Each subscription reaches an XPUB as a message of its own."""
    publisher.setsockopt(zmq.XPUB_VERBOSE, 1)
    for _ in range(count):
        if not publisher.poll(CONNECT_S * 1000):
            raise TimeoutError(f"fewer than {count} subscribers came")
        publisher.recv()


SYSTEM = ZmqSystem()
