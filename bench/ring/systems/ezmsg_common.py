"""ezmsg's own publisher and subscriber, in asyncio, where it lives, on the faster event loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import uvloop
from ezmsg.core.graphcontext import GraphContext

from bench.ring.cases import MIB
from bench.ring.endpoint import AsyncEndpoint, Message, Seat
from bench.ring.systems.connecting import exists

# Before a process begins its loop; the harness, which loads this as well, has none.
asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

DISTRIBUTIONS = ("ezmsg", "uvloop")
SETTING = "broadcast / recv_zero_copy of numpy arrays, uvloop, back-pressure as it comes (32 buffers)"
BUFFER_BYTES = 5 * MIB
SETTLE_S = 0.5
SERVER_IS_UP = "server"
WARNINGS_OFF = "EZMSG_DISABLE_BACKPRESSURE_WARNING"


class EzmsgEndpoint(AsyncEndpoint):
    """Sends numpy arrays, which it does not pickle the bytes of; receives without a copy."""

    def __init__(self, context: Any, publisher: Any, subscriber: Any) -> None:
        self._context, self._publisher, self._subscriber = context, publisher, subscriber
        self._held: Any = None

    async def send(self, message: Message) -> None:
        array = message if isinstance(message, np.ndarray) else np.frombuffer(message, np.uint8)
        await self._publisher.broadcast(array)

    async def receive(self) -> Message | None:
        await self._release()
        self._held = self._subscriber.recv_zero_copy()
        return await self._held.__aenter__()

    async def _release(self) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            await held.__aexit__(None, None, None)

    async def close(self) -> None:
        await self._release()
        # The other side's acknowledgements may be on their way.
        await asyncio.sleep(SETTLE_S)
        await self._context.__aexit__(None, None, None)


@contextlib.contextmanager
def without_warnings() -> Iterator[None]:
    """The processes that are started meanwhile do not print about back-pressure."""
    os.environ[WARNINGS_OFF] = "1"
    yield


async def join(seat: Seat, server: str, **publishing: Any) -> EzmsgEndpoint:
    """Connect to the graph server, which the sender's process runs, and to the others of the session."""
    logging.getLogger("ezmsg").setLevel(logging.ERROR)
    up = seat.folder / SERVER_IS_UP
    if not seat.is_sender:
        await exists(up)
    context = GraphContext((server, seat.port), auto_start=seat.is_sender)
    await context.__aenter__()
    out, back = seat.ways
    publisher = await context.publisher(out, buf_size=BUFFER_BYTES, **publishing)
    subscriber = await context.subscriber(back)
    up.touch()
    for index in range(seat.readers + 1):
        (seat.folder / f"joined{seat.index}").touch()
        await exists(seat.folder / f"joined{index}")
    # Each publisher hears of its subscribers from the graph server, a little later.
    await asyncio.sleep(2 * SETTLE_S)
    return EzmsgEndpoint(context, publisher, subscriber)
