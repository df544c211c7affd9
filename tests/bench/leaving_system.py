"""A system that maps a segment and never removes it."""

from __future__ import annotations

import mmap
from pathlib import Path

from bench.ring.endpoint import Endpoint, Message, Seat, System

SEGMENT = "rtmesh-test-left-by-a-rival."


class Leaving(Endpoint):
    def __init__(self, seat: Seat) -> None:
        path = Path("/dev/shm") / f"{SEGMENT}{seat.identity}.{seat.index}"
        path.write_bytes(bytes(mmap.PAGESIZE))
        with path.open("r+b") as file:
            self._kept = mmap.mmap(file.fileno(), mmap.PAGESIZE)

    def send(self, message: Message) -> None: ...

    def receive(self) -> Message | None:
        return None

    def close(self) -> None: ...


class LeavingSystem(System):
    name, setting = "leaving", "as it comes"

    def connect(self, seat: Seat) -> Leaving:
        return Leaving(seat)


SYSTEM = LeavingSystem()
