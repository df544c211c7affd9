"""ezmsg over TCP: the graph server on the left host, a publisher and a subscriber on each."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from ezmsg.core.graphcontext import GraphContext

from bench.net.system import NetSystem, read_places
from bench.ring.endpoint import CONNECT_S, Seat
from bench.ring.systems.ezmsg_shm import BUFFER_BYTES, EzmsgEndpoint

SETTLE_S = 1.0


class EzmsgTcpSystem(NetSystem):
    """Shared memory is refused to it: the other host would have none of it."""

    name = "ezmsg"
    distributions = ("ezmsg",)
    setting = "force_tcp, broadcast / recv_zero_copy of numpy arrays, back-pressure as it comes (32 buffers)"
    is_async = True

    async def connect(self, seat: Seat) -> EzmsgEndpoint:
        logging.getLogger("ezmsg").setLevel(logging.ERROR)
        places = read_places(seat)
        if not seat.is_sender:
            await _exists(seat.folder / "joined0")
        context = GraphContext((places.left, seat.port), auto_start=seat.is_sender)
        await context.__aenter__()
        out, back = ("THERE", "BACK") if seat.is_sender else ("BACK", "THERE")
        own = places.own(seat)
        publisher = await context.publisher(out, host=own, buf_size=BUFFER_BYTES, force_tcp=True)
        subscriber = await context.subscriber(back)
        (seat.folder / f"joined{seat.index}").touch()
        await _exists(seat.folder / f"joined{1 - seat.index}")
        # Each publisher hears of its subscribers from the graph server, a little later.
        await asyncio.sleep(SETTLE_S)
        return EzmsgEndpoint(context, publisher, subscriber)


async def _exists(path: Path) -> None:
    for _ in range(int(CONNECT_S / 0.02)):
        if path.exists():
            return
        await asyncio.sleep(0.02)
    raise TimeoutError(f"{path.name} did not come")


SYSTEM = EzmsgTcpSystem()
