"""Ours: from a ring on one host to a ring on the other, through both relays."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from time import monotonic_ns

from bench.net.keepers import DECIDED_WITHIN_S, HostKeeper, keep_cpus
from bench.net.relays import RELAY, Edge, Relay, carry
from bench.net.slices import use_slice
from bench.net.system import NetSystem
from bench.ring.cases import KIB, Case
from bench.ring.endpoint import PATIENCE_NS, Endpoint, Message, Seat
from bench.ring.systems.rtmesh_ring import queue_of
from rtmesh.shm import Reader, Writer, segment_name, wait

# As the scheduler decides it.
OWN_LANE_BYTES = 64 * KIB
SHORTEST_QUEUE = 8
# The kernel tells nobody that a mask has changed.
LOOK_S = 0.02


def queue_between(size: int) -> int:
    """As for a ring inside a machine, but never so short that it empties while credit is on its way."""
    return max(SHORTEST_QUEUE, queue_of(size))


def edge(seat: Seat, way: str, size: int) -> Edge:
    """The edge of one way and size; `there` goes from the left host to the right one."""
    name = f"{way}{size}"
    rings = segment_name("left", seat.identity, name), segment_name("right", seat.identity, name)
    source = 0 if way.startswith("there") else 1
    if source:
        rings = rings[::-1]
    return Edge(name, rings, source, size, queue_between(size), size > OWN_LANE_BYTES)


class LoopEndpoint(Endpoint):
    """Its process is as meshd and the plan have a loop: on the CPU it is given, with its time slice.

    It begins once the keeper of its host has given it its CPU, or has had time enough to.
    """

    def __init__(self, seat: Seat) -> None:
        self._until_s = time.monotonic() + DECIDED_WITHIN_S
        use_slice(is_sender=seat.is_sender)

    def begin(self, case: Case) -> None:
        while len(os.sched_getaffinity(0)) > 1 and time.monotonic() < self._until_s:
            time.sleep(LOOK_S)


class RelayedEndpoint(LoopEndpoint):
    """A writer and a reader for each size, each of a ring on its own host. Nobody spins: CPUs have work."""

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat)
        out, back = seat.ways
        self._writers = {size: Writer(edge(seat, out, size).rings[0]) for size in seat.sizes}
        self._readers = {size: Reader(edge(seat, back, size).rings[1], 0) for size in seat.sizes}

    def begin(self, case: Case) -> None:
        super().begin(case)
        self._writer, self._reader = self._writers[case.size], self._readers[case.size]
        self._waited_writers, self._waited_readers = [self._writer], [self._reader]

    def send(self, message: Message) -> None:
        while not self._writer.try_publish(message, monotonic_ns()):
            wait((), self._waited_writers, PATIENCE_NS)

    def receive(self) -> Message | None:
        reader = self._reader
        reader.release()
        while (view := reader.try_take(0)) is None:
            if not wait(self._waited_readers, (), PATIENCE_NS):
                return None
        return memoryview(view)

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()
        for reader in self._readers.values():
            reader.close()


class RelayedSystem(NetSystem):
    """Rings and relays are the harness's, as they are meshd's in a mesh."""

    name = "rtmesh"
    setting = (
        f"edges that block, queue about 1 MiB ({SHORTEST_QUEUE} to 1024 messages), one lane for those up to "
        f"{OWN_LANE_BYTES // KIB} KiB, one more for each larger; nobody spins; meshd's own code looks after "
        "each host's CPUs, and its processes have the time slices of a plan"
    )
    relay_module = RELAY
    _keepers: tuple[HostKeeper, ...] = ()

    @contextlib.contextmanager
    def serve(self, seat: Seat) -> Iterator[None]:
        carried = carry(self.link, seat.folder, seat.port, self.edges(seat), self.relay_module)
        with carried as relays, keep_cpus(relays) as self._keepers, self.observe(seat, relays):
            yield

    def start(self, commands: list[list[str]], seat: Seat, log: int) -> list[subprocess.Popen[bytes]]:
        children = super().start(commands, seat, log)
        for index, child in enumerate(children):
            self.keep(index, child)
        return children

    def keep(self, host: int, child: subprocess.Popen[bytes]) -> None:
        """Have the host's keeper know of a process that works at rings there."""
        self._keepers[host].add(child.pid)

    def edges(self, seat: Seat) -> list[Edge]:
        """Both ways at each size."""
        return [edge(seat, way, size) for size in seat.sizes for way in ("there", "back")]

    def observe(self, seat: Seat, relays: tuple[Relay, Relay]) -> contextlib.AbstractContextManager[object]:
        """What else is done while a session runs."""
        return contextlib.nullcontext()

    def connect(self, seat: Seat) -> RelayedEndpoint:
        return RelayedEndpoint(seat)


SYSTEM: NetSystem = RelayedSystem()
