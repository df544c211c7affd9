"""The ring inside one machine, as the ring's benchmark drives it but asleep: the share of the two ends."""

from __future__ import annotations

from bench.net.cases import PACED, ROUND_TRIP
from bench.ring.cases import Case
from bench.ring.endpoint import Seat
from bench.ring.systems.rtmesh_ring import RingEndpoint, RingSystem


class SleepingEndpoint(RingEndpoint):
    """It never spins, as an edge between machines does not."""

    def begin(self, case: Case) -> None:
        super().begin(case)
        self._spin_ns = 0


class LocalRingSystem(RingSystem):
    """No network at all."""

    name = "ring in one machine"
    setting = "for the breakdown: both processes on one host, nobody spins"
    cases = (ROUND_TRIP, PACED)

    def connect(self, seat: Seat) -> SleepingEndpoint:
        return SleepingEndpoint(seat)


SYSTEM = LocalRingSystem()
