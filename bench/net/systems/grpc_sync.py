"""gRPC with threads: its own threads take from a queue what is to be sent."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from bench.net.systems.grpc_common import METHOD, OPTIONS, GrpcSystem, add_exchange
from bench.ring.endpoint import CONNECT_S, Endpoint, Message, Seat

QUEUE = 16


class SyncEndpoint(Endpoint):
    """Receives in the calling thread; sends through a queue, as the API wants it."""

    def __init__(self) -> None:
        self._out: queue.Queue[bytes] = queue.Queue(QUEUE)
        self.arriving: Iterator[bytes] = iter(())
        self.owner: Any = None

    def leaving(self) -> Iterator[bytes]:
        """What the other side is to have; gRPC's thread asks for it."""
        yield b"welcome"
        while True:
            yield self._out.get()

    def send(self, message: Message) -> None:
        self._out.put(bytes(message))

    def receive(self) -> Message | None:
        return next(self.arriving, None)

    def close(self) -> None:
        """The process ends at once."""


class SyncSystem(GrpcSystem):
    """Threads on both sides."""

    name = "bare gRPC, threads"
    setting = f"one bidirectional stream of bytes without a serializer; queue.Queue({QUEUE}) to gRPC's thread"

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
