"""Eclipse Zenoh, two peers over TCP."""

from __future__ import annotations

from bench.net.system import NetSystem, read_places
from bench.ring.endpoint import Seat
from bench.ring.systems.zenoh_common import SETTING, ZenohEndpoint


class ZenohSystem(NetSystem):
    """The sender listens, the receiver dials; no discovery."""

    name = "zenoh"
    distributions = ("eclipse-zenoh",)
    setting = f"peers over TCP; {SETTING}"

    def connect(self, seat: Seat) -> ZenohEndpoint:
        return ZenohEndpoint(seat, f"tcp/{read_places(seat).left}:{seat.port}")


SYSTEM = ZenohSystem()
