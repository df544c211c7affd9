"""multiprocessing's Connection, the class that Pipe() returns, over the same kind of socket: a Unix one."""

from __future__ import annotations

from multiprocessing.connection import Client, Connection, Listener

from bench.ring.endpoint import Endpoint, Message, Seat, System
from bench.ring.systems.connecting import dial


class PipeEndpoint(Endpoint):
    """The sender has one connection a receiver and sends to each: a pipe has no fan-out."""

    def __init__(self, connections: list[Connection]) -> None:
        self._connections = connections
        self._first = connections[0]

    def send(self, message: Message) -> None:
        for connection in self._connections:
            connection.send_bytes(message)

    def receive(self) -> Message | None:
        # Blocking without a bound of its own: poll() before it would cost a system call a message.
        # Nothing is lost on it, and a process that hangs is ended by its harness.
        return self._first.recv_bytes()

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


class PipeSystem(System):
    """Both ways over one connection."""

    name = "multiprocessing Pipe"
    setting = "Connection.send_bytes / recv_bytes over a Unix socket, as Pipe() gives; fan-out: one a reader"

    def connect(self, seat: Seat) -> PipeEndpoint:
        if seat.is_sender:
            with Listener(seat.address, "AF_UNIX", backlog=seat.readers) as listener:
                return PipeEndpoint([listener.accept() for _ in range(seat.readers)])
        nobody = f"nobody listens at {seat.address}"
        return PipeEndpoint([dial(lambda: Client(seat.address, "AF_UNIX"), nobody)])


SYSTEM = PipeSystem()
