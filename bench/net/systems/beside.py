"""A large edge as fast as it goes, and one of 64 B at 1 kHz beside it, between other processes."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator

from bench.figures import Spread
from bench.net.cases import SATURATED_LARGE
from bench.net.relays import Edge, Relay
from bench.net.systems.relayed import RelayedSystem, edge
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
        # One a run.
        self.beside: list[Spread] = []

    def edges(self, seat: Seat) -> list[Edge]:
        return [*super().edges(seat), small_edge(seat)]

    @contextlib.contextmanager
    def observe(self, seat: Seat, relays: tuple[Relay, Relay]) -> Iterator[None]:
        ages = seat.folder / "ages.json"
        out, into = small_edge(seat).rings
        words = [["send", out], ["receive", into, str(ages)]]
        commands = [
            host.inside([sys.executable, "-m", PACER, *each]) for host, each in zip(self.link.hosts, words)
        ]
        with (seat.folder / "log").open("ab") as log:
            pacers = [self.spawn(command, log.fileno()) for command in commands]
        try:
            yield
        finally:
            for pacer in pacers:
                _end(pacer)
            if ages.exists():
                self.beside.append(Spread(**json.loads(ages.read_text())))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(3.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


SYSTEM = BesideSystem()
