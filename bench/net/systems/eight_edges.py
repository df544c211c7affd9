"""Eight edges at 1 kHz each, from one process to one, an eighth of a millisecond apart."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from statistics import median
from time import monotonic_ns

from bench.net.cases import PACED, awake, where
from bench.net.processor import busiest_second
from bench.net.relays import Edge, Relay
from bench.net.systems.relayed import LoopEndpoint, RelayedSystem, edge
from bench.ring.cases import Case
from bench.ring.endpoint import PATIENCE_NS, Message, Seat
from bench.ring.tally import PERIOD_NS, TIME, TIME_AT
from rtmesh.shm import Reader, Writer, wait

EDGES = 8


def edges(seat: Seat) -> list[Edge]:
    """All there: nothing comes back."""
    return [edge(seat, f"there{i}x", seat.sizes[0]) for i in range(EDGES)]


class EightEndpoint(LoopEndpoint):
    """Sends each message on every edge, in turn, with a stamp of its own; receives from all."""

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat)
        rings = [each.rings for each in edges(seat)]
        self._writers = [Writer(out) for out, _ in rings] if seat.is_sender else []
        self._readers = [] if seat.is_sender else [Reader(into, 0) for _, into in rings]
        self._next = 0

    def send(self, message: Message) -> None:
        due = monotonic_ns()
        for writer in self._writers:
            if (left := due - monotonic_ns()) > 0:
                time.sleep(left * 1e-9)
            stamp = monotonic_ns()
            TIME.pack_into(message, TIME_AT, stamp)
            while not writer.try_publish(message, stamp):
                wait((), [writer], PATIENCE_NS)
            due += PERIOD_NS // EDGES

    def receive(self) -> Message | None:
        while True:
            for _ in self._readers:
                reader = self._readers[self._next]
                self._next = (self._next + 1) % EDGES
                reader.release()
                if (view := reader.try_take(0)) is not None:
                    return memoryview(view)
            if not wait(self._readers, (), PATIENCE_NS):
                return None

    def close(self) -> None:
        for writer in self._writers:
            writer.close()
        for reader in self._readers:
            reader.close()


class EightSystem(RelayedSystem):
    """The relays' share of the CPUs is noted meanwhile."""

    name = "rtmesh, eight edges"
    setting = (
        f"{EDGES} edges on one lane, one process at either end; each edge every millisecond, evenly apart"
    )
    cases = (PACED, awake(PACED))

    def __init__(self) -> None:
        # One a run: percent of a CPU of the left and the right relay.
        self.processor_percent: dict[Case, list[tuple[float, float]]] = defaultdict(list)

    def edges(self, seat: Seat) -> list[Edge]:
        return edges(seat)

    def observe(self, seat: Seat, relays: tuple[Relay, Relay]) -> contextlib.AbstractContextManager[object]:
        return busiest_second(relays, self.processor_percent[self.case])

    def connect(self, seat: Seat) -> EightEndpoint:  # type: ignore[override]
        return EightEndpoint(seat)

    def notes(self) -> list[str]:
        return [_note(case, percent) for case, percent in self.processor_percent.items() if percent]


def _note(case: Case, percent: list[tuple[float, float]]) -> str:
    left, right = (median(values) for values in zip(*percent))
    return (
        f"Eight edges at 1 kHz {where(case)}: the sending relay uses {left:.0f} % of a CPU, the receiving "
        f"one {right:.0f} %, with all their threads, in the busiest second of a run."
    )


SYSTEM = EightSystem()
