"""A large edge as fast as it goes, and one of 64 B at 1 kHz beside it, between other processes."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Spread, median_of_runs
from bench.net.cases import SATURATED_LARGE
from bench.net.relays import Edge, Relay
from bench.net.systems.relayed import RelayedSystem, edge
from bench.processes import end
from bench.ring.endpoint import Seat

SMALL = 64
PACER = "bench.net.pacer"


def small_edge(seat: Seat) -> Edge:
    """The one beside."""
    return edge(seat, "therebeside", SMALL)


class BesideSystem(RelayedSystem):
    """The paced edge's two processes run as long as the session does."""

    name = "rtmesh, an edge at 1 kHz beside"
    setting = "as rtmesh; the processes of the edge beside are two more, and share the CPUs"
    cases = (SATURATED_LARGE,)

    def __init__(self) -> None:
        # One a run; how many the sender had, and how many of them found the ring full.
        self.beside: list[Spread] = []
        self.sent = self.refused = self.untold = 0

    def edges(self, seat: Seat) -> list[Edge]:
        return [*super().edges(seat), small_edge(seat)]

    @contextlib.contextmanager
    def observe(self, seat: Seat, relays: tuple[Relay, Relay]) -> Iterator[None]:
        counts, ages = seat.folder / "counts.json", seat.folder / "ages.json"
        out, into = small_edge(seat).rings
        words = [["send", out, str(counts)], ["receive", into, str(ages)]]
        commands = [
            host.inside([sys.executable, "-m", PACER, *each]) for host, each in zip(self.link.hosts, words)
        ]
        with (seat.folder / "log").open("ab") as log:
            pacers = [self.spawn(command, log.fileno()) for command in commands]
        try:
            yield
        finally:
            for pacer in pacers:
                end(pacer)
            self._read(counts, ages)

    def _read(self, counts: Path, ages: Path) -> None:
        try:
            sent, refused = json.loads(counts.read_text())
            spread = Spread(**json.loads(ages.read_text()))
        except (OSError, ValueError, TypeError):  # not there, or half written
            self.untold += 1
            return
        self.sent, self.refused = self.sent + sent, self.refused + refused
        self.beside.append(spread)

    def notes(self) -> list[str]:
        notes = []
        if self.beside:
            middle = median_of_runs(self.beside)
            notes.append(
                f"The 64 B edge at 1 kHz beside a saturated one of 1 MiB: one way p50 {middle.p50:,.0f} us, "
                f"p99 {middle.p99:,.0f} us, max {middle.max:,.0f} us, of the last of each run; "
                f"{self.refused:,} of {self.sent:,} found their ring full and were not sent; all six "
                "processes share the CPUs then."
            )
        if self.untold:
            notes.append(
                f"**The edge beside a saturated one** was not timed in {self.untold} runs: it broke."
            )
        return notes


SYSTEM = BesideSystem()
