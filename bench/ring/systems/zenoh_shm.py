"""Eclipse Zenoh with its shared memory, over a Unix socket."""

from __future__ import annotations

import zenoh

from bench.ring.cases import MIB
from bench.ring.endpoint import Message, Seat, System
from bench.ring.systems.zenoh_common import SETTING, ZenohEndpoint

POOL_BYTES = 64 * MIB


class ZenohMemoryEndpoint(ZenohEndpoint):
    """Publishes buffers allocated in shared memory."""

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat, f"unixsock-stream/{seat.address}", has_shared_memory=True)
        self._pool = zenoh.shm.ShmProvider.default_backend(POOL_BYTES)
        self._policy = zenoh.shm.BlockOn(zenoh.shm.GarbageCollect())

    def send(self, message: Message) -> None:
        buffer = self._pool.alloc(len(message), policy=self._policy)
        # A ZShmMut takes bytes only.
        buffer[:] = bytes(message)
        self._publisher.put(buffer)


class ZenohSystem(System):
    """The sender listens, the receivers dial; no discovery."""

    name = "zenoh shared memory"
    distributions = ("eclipse-zenoh",)
    setting = f"ShmProvider of {POOL_BYTES // MIB} MiB; {SETTING}; peers over a Unix socket"

    def connect(self, seat: Seat) -> ZenohMemoryEndpoint:
        return ZenohMemoryEndpoint(seat)


SYSTEM = ZenohSystem()
