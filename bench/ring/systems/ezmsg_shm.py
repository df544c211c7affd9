"""ezmsg's own publisher and subscriber over its shared memory, in asyncio, where it lives."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from ezmsg.core.graphcontext import GraphContext

from bench.ring.cases import MIB
from bench.ring.endpoint import CONNECT_S, Message, Seat, System

BUFFER_BYTES = 5 * MIB
SETTLE_S = 0.5
SERVER_IS_UP = "server"
WARNINGS_OFF = "EZMSG_DISABLE_BACKPRESSURE_WARNING"


class EzmsgEndpoint:
    """Sends numpy arrays, which it does not pickle the bytes of; receives without a copy."""

    def __init__(self, context: Any, publisher: Any, subscriber: Any) -> None:
        self._context, self._publisher, self._subscriber = context, publisher, subscriber
        self._held: Any = None

    def begin(self, size: int, spin_ns: int) -> None:
        """Nothing to choose."""

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


class EzmsgSystem(System):
    """The sender's process runs the graph server."""

    name = "ezmsg"
    distributions = ("ezmsg",)
    setting = f"broadcast / recv_zero_copy of numpy arrays, shared memory, buf_size {BUFFER_BYTES // MIB} MiB"
    is_async = True

    @contextlib.contextmanager
    def serve(self, seat: Seat) -> Iterator[None]:
        os.environ[WARNINGS_OFF] = "1"
        yield

    async def connect(self, seat: Seat) -> EzmsgEndpoint:
        logging.getLogger("ezmsg").setLevel(logging.ERROR)
        up = seat.folder / SERVER_IS_UP
        if not seat.is_sender:
            await _exists(up)
        context = GraphContext(("127.0.0.1", seat.port), auto_start=seat.is_sender)
        await context.__aenter__()
        out, back = ("THERE", "BACK") if seat.is_sender else ("BACK", "THERE")
        publisher = await context.publisher(out, buf_size=BUFFER_BYTES)
        subscriber = await context.subscriber(back)
        up.touch()
        for index in range(seat.readers + 1):
            (seat.folder / f"joined{seat.index}").touch()
            await _exists(seat.folder / f"joined{index}")
        # Each publisher hears of its subscribers from the graph server, a little later.
        await asyncio.sleep(2 * SETTLE_S)
        return EzmsgEndpoint(context, publisher, subscriber)


async def _exists(path: Any) -> None:
    for _ in range(int(CONNECT_S / 0.02)):
        if path.exists():
            return
        await asyncio.sleep(0.02)
    raise TimeoutError(f"{path.name} did not come")


SYSTEM = EzmsgSystem()
