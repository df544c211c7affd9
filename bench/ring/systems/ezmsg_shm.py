"""ezmsg over its shared memory."""

from __future__ import annotations

import contextlib

from bench.ring.cases import MIB
from bench.ring.endpoint import Seat, System
from bench.ring.systems.ezmsg_common import (
    BUFFER_BYTES,
    DISTRIBUTIONS,
    SETTING,
    EzmsgEndpoint,
    join,
    without_warnings,
)


class EzmsgSystem(System):
    """The sender's process runs the graph server."""

    name = "ezmsg"
    distributions = DISTRIBUTIONS
    setting = f"shared memory, buf_size {BUFFER_BYTES // MIB} MiB; {SETTING}"
    is_async = True

    def serve(self, seat: Seat) -> contextlib.AbstractContextManager[None]:
        return without_warnings()

    async def connect(self, seat: Seat) -> EzmsgEndpoint:
        return await join(seat, "127.0.0.1")


SYSTEM = EzmsgSystem()
