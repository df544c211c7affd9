"""ezmsg over TCP: the graph server on the left host, a publisher and a subscriber on each."""

from __future__ import annotations

import contextlib

from bench.net.system import NetSystem, read_places
from bench.ring.endpoint import Seat
from bench.ring.systems.ezmsg_common import DISTRIBUTIONS, SETTING, EzmsgEndpoint, join, without_warnings


class EzmsgTcpSystem(NetSystem):
    """Shared memory is refused to it: the other host would have none of it."""

    name = "ezmsg"
    distributions = DISTRIBUTIONS
    setting = f"force_tcp; {SETTING}"
    is_async = True

    def serve(self, seat: Seat) -> contextlib.AbstractContextManager[None]:
        return without_warnings()

    async def connect(self, seat: Seat) -> EzmsgEndpoint:
        places = read_places(seat)
        return await join(seat, places.left, host=places.own(seat), force_tcp=True)


SYSTEM = EzmsgTcpSystem()
