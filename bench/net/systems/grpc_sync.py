"""gRPC with threads: its own threads take from a queue what is to be sent."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from bench.net.systems.grpc_common import METHOD, OPTIONS, GrpcSystem, add_exchange
from bench.ring.cases import Case
from bench.ring.endpoint import CONNECT_S, Endpoint, Message, Seat

QUEUE = 16


class SyncEndpoint(Endpoint):
    """Receives in the calling thread; sends through a queue, as the API wants it.

    The queue is the one without a bound, which is faster; where messages come faster than they leave, the
    sender counts what room there is.
    """

    def __init__(self) -> None:
        self._out: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._room = threading.Semaphore(QUEUE)
        self._is_bounded = False
        self.arriving: Iterator[bytes] = iter(())
        self.owner: Any = None

    def leaving(self) -> Iterator[bytes]:
        """What the other side is to have; gRPC's thread asks for it."""
        yield b"welcome"
        while True:
            message = self._out.get()
            if self._is_bounded:
                self._room.release()
            yield message

    def begin(self, case: Case) -> None:
        self._is_bounded = not case.is_latency

    def send(self, message: Message) -> None:
        if self._is_bounded:
            self._room.acquire()
        self._out.put(bytes(message))

    def receive(self) -> Message | None:
        return next(self.arriving, None)

    def close(self) -> None:
        """The process ends at once."""


class SyncSystem(GrpcSystem):
    """Threads on both sides."""

    name = "bare gRPC, threads"
    setting = (
        "one bidirectional stream of bytes without a serializer; queue.SimpleQueue to gRPC's thread, with a "
        f"semaphore for {QUEUE} messages where a case is saturated"
    )

    def connect(self, seat: Seat) -> SyncEndpoint:
        return (_serve if seat.is_sender else _dial)(self.address(seat))


def _serve(address: str) -> SyncEndpoint:
    endpoint = SyncEndpoint()
    called: queue.SimpleQueue[Iterator[bytes]] = queue.SimpleQueue()

    def exchange(arriving: Iterator[bytes], _: Any) -> Iterator[bytes]:
        called.put(arriving)
        yield from endpoint.leaving()

    endpoint.owner = server = grpc.server(ThreadPoolExecutor(2), options=OPTIONS)
    add_exchange(server, exchange)
    server.add_insecure_port(address)
    server.start()
    endpoint.arriving = called.get(timeout=CONNECT_S)
    next(endpoint.arriving)
    return endpoint


def _dial(address: str) -> SyncEndpoint:
    endpoint = SyncEndpoint()
    endpoint.owner = channel = grpc.insecure_channel(address, options=OPTIONS)
    endpoint.arriving = channel.stream_stream(METHOD)(endpoint.leaving(), wait_for_ready=True)
    next(endpoint.arriving)
    return endpoint


SYSTEM = SyncSystem()
