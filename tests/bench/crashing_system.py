"""A system whose processes end as they connect, and say why."""

from __future__ import annotations

from bench.ring.endpoint import Seat, System


class CrashingSystem(System):
    name, setting = "crashing", "never"

    def connect(self, seat: Seat) -> object:
        raise RuntimeError("no such transport on this machine")


SYSTEM = CrashingSystem()
