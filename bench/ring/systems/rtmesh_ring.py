"""Ours: rtmesh.shm as a program uses it. Settings are those that a user has: queue, hold, max_bytes, spin."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from bench.ring.cases import MIB, Case
from bench.ring.endpoint import PATIENCE_NS, Endpoint, Message, Seat, System
from rtmesh.shm import Policy, Reader, ReaderLayout, RingLayout, Writer, create_ring, segment_name, wait

HOLD = 2
SMALL = 4096  # the cache holds many of these: it does not matter which slot is the next


def queue_of(size: int) -> int:
    """About 1 MiB, between 2 and 1024 messages: more of large ones would leave the cache."""
    return max(2, min(1024, MIB // size))


def ring_name(seat: Seat, way: str, size: int) -> str:
    """One ring a way and size, as each output port has its own."""
    return segment_name("bench", seat.identity, f"{way}{size}")


class RingEndpoint(Endpoint):
    """A writer and a reader for each size; `begin` chooses."""

    def __init__(self, seat: Seat) -> None:
        self._held: memoryview | None = None
        out, back = seat.ways
        self._writers: dict[int, Writer] = {}
        self._readers: dict[int, Reader] = {}
        for size in seat.sizes:
            if seat.is_sender or seat.replies:
                self._writers[size] = Writer(ring_name(seat, out, size))
            if seat.replies or not seat.is_sender:
                index = 0 if seat.is_sender else seat.index - 1
                self._readers[size] = Reader(ring_name(seat, back, size), index)

    def begin(self, case: Case) -> None:
        self._spin_ns = case.spin_ns
        self._is_small = case.size <= SMALL
        if writer := self._writers.get(case.size):
            self._writer, self._waited_writers = writer, [writer]
        if reader := self._readers.get(case.size):
            self._reader = reader

    def send(self, message: Message) -> None:
        while not self._writer.try_publish(message):
            wait((), self._waited_writers, PATIENCE_NS, self._spin_ns)

    def receive(self) -> Message | None:
        if self._is_small:
            return self._reader.next(PATIENCE_NS, self._spin_ns)
        if self._held is not None:
            self._held.release()  # its slot, too: else the next copy would go to a colder one
        view = self._reader.next(PATIENCE_NS, self._spin_ns)
        self._held = None if view is None else memoryview(view)
        return self._held

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        for reader in self._readers.values():
            reader.close()


class RingSystem(System):
    """Rings are made by the harness, as meshd makes them from the plan."""

    name = "rtmesh"
    setting = "block, queue about 1 MiB (2 to 1024 messages), hold 2, one ring a size; spin: see the case"

    @contextlib.contextmanager
    def serve(self, seat: Seat) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for size in seat.sizes:
                _make(stack, ring_name(seat, "there", size), size, seat.readers)
                if seat.replies:
                    _make(stack, ring_name(seat, "back", size), size, 1)
            yield

    def connect(self, seat: Seat) -> RingEndpoint:
        return RingEndpoint(seat)


def _make(stack: contextlib.ExitStack, name: str, size: int, readers: int) -> None:
    queue = queue_of(size)
    seats = tuple(ReaderLayout(f"reader{i}", Policy.BLOCK, queue, HOLD) for i in range(readers))
    ring = create_ring(name, RingLayout(queue, max(size, 64), seats))
    stack.callback(ring.close)
    stack.callback(ring.unlink)


SYSTEM = RingSystem()
