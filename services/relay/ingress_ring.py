"""The ring that an ingress edge fills: its writer's seat, and what its reader has released."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from rtmesh.common.errors import FailedPreconditionError
from rtmesh.relay.window import Held
from rtmesh.shm import Writer, wait
from rtmesh.v1.relay_pb2 import PullResponse

# A sleeping thread looks up this often, to see whether its edge was closed.
_SLICE_NS = 50_000_000


class IngressRing:
    """One ingress ring, written by this process.

    With each message the ring records the far position that follows, in one commit: so it is
    the edge's memory, for a cut connection and for a killed process alike.

    Raises (from the constructor):
        RingError: the ring cannot be opened, or somebody else writes it.
    """

    def __init__(self, segment: str) -> None:
        self._writer = Writer(segment)
        self._sleeper = ThreadPoolExecutor(1, thread_name_prefix="ingress")

    @property
    def ended(self) -> bool:
        """Whether the stream has ended."""
        return self._writer.ended

    @property
    def released(self) -> int:
        """Local position below which nothing holds the writer."""
        return self._writer.released

    def held(self) -> Held:
        """What it holds now."""
        return Held(self._writer.head, self._writer.released, self._writer.source_position)

    def write(self, response: PullResponse) -> None:
        """Commit one message; there is space, since it came against credit.

        Raises:
            FailedPreconditionError: the ring is full all the same.
            RingError: it does not take the message.
        """
        source_position = response.position + 1
        if not self._writer.try_publish(
            response.message, response.publish_time_ns, source_position=source_position
        ):
            raise FailedPreconditionError(
                f"ring {self._writer.name} is full at message {response.position}",
                "something else holds it; the edge is pulled again",
            )

    def skip_to(self, source_position: int) -> None:
        """Record that nothing that is missing below `source_position` will come."""
        self._writer.skip_to(source_position)

    def end(self, source_position: int) -> None:
        """End the stream, which far ended before `source_position`."""
        self._writer.skip_to(source_position)
        self._writer.end()

    async def wait_for_space(self) -> None:
        """Return when the writer has space again, or after a moment.

        A thread sleeps: an event loop cannot sleep in a ring.
        """
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._sleeper, wait, (), (self._writer,), _SLICE_NS)

    async def close(self) -> None:
        """Leave the writer's seat without ending the stream."""
        await asyncio.to_thread(self._sleeper.shutdown)
        self._writer.close()
