"""Eclipse Zenoh with its shared memory, two peers over a Unix socket; its own queue takes what arrives."""

from __future__ import annotations

import time

import zenoh

from bench.ring.cases import MIB
from bench.ring.endpoint import CONNECT_S, Message, Seat, System

POOL_BYTES = 64 * MIB
QUEUE = 256
SETTLE_S = 0.3


class ZenohEndpoint:
    """Publishes buffers allocated in shared memory."""

    def __init__(self, seat: Seat) -> None:
        self._session = zenoh.open(_config(seat))
        out, back = ("there", "back") if seat.is_sender else ("back", "there")
        self._publisher = self._session.declare_publisher(
            f"{seat.identity}/{out}",
            congestion_control=zenoh.CongestionControl.BLOCK,
            express=True,
            reliability=zenoh.Reliability.RELIABLE,
        )
        self._subscriber = self._session.declare_subscriber(
            f"{seat.identity}/{back}", zenoh.handlers.FifoChannel(QUEUE)
        )
        self._pool = zenoh.shm.ShmProvider.default_backend(POOL_BYTES)
        self._policy = zenoh.shm.BlockOn(zenoh.shm.GarbageCollect())
        if seat.is_sender or seat.replies:
            self._await_subscriber()
        # That one subscriber matches says nothing of the other seven.
        time.sleep(SETTLE_S if seat.replies else 4 * SETTLE_S)

    def _await_subscriber(self) -> None:
        deadline = time.monotonic() + CONNECT_S
        while not self._publisher.matching_status.matching:
            if time.monotonic() > deadline:
                raise TimeoutError("no subscriber matched")
            time.sleep(0.02)

    def begin(self, size: int, spin_ns: int) -> None:
        """Nothing to choose."""

    def send(self, message: Message) -> None:
        buffer = self._pool.alloc(len(message), policy=self._policy)
        # A ZShmMut takes bytes only.
        buffer[:] = bytes(message)
        self._publisher.put(buffer)

    def receive(self) -> Message | None:
        # It has no timed wait; its harness ends a process that hangs.
        return self._subscriber.recv().payload.to_bytes()

    def close(self) -> None:
        self._session.close()


class ZenohSystem(System):
    """The sender listens, the receivers dial; no discovery."""

    name = "zenoh shared memory"
    distributions = ("eclipse-zenoh",)
    setting = (
        "ShmProvider of 64 MiB, express, BLOCK, RELIABLE, FifoChannel 256; peers over TCP on the loopback"
    )

    def connect(self, seat: Seat) -> ZenohEndpoint:
        return ZenohEndpoint(seat)


def _config(seat: Seat) -> zenoh.Config:
    config = zenoh.Config()
    config.insert_json5("mode", '"peer"')
    config.insert_json5("scouting/multicast/enabled", "false")
    config.insert_json5("transport/shared_memory/enabled", "true")
    address = f'["tcp/127.0.0.1:{seat.port}"]'
    config.insert_json5("listen/endpoints", address if seat.is_sender else "[]")
    if not seat.is_sender:
        config.insert_json5("connect/endpoints", address)
    return config


SYSTEM = ZenohSystem()
