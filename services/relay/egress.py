"""An edge that leaves: a ring of this machine, read for one far puller.

The reader's seat in the ring is the edge's memory: *taken* is what was sent, *released* what the
far side has acknowledged. A new pull moves *taken* back to what the caller holds, so whatever was lost
on the way, with a connection or with a process, is read from the ring again. Nothing is kept here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from rtmesh.common.errors import AbortedError, FailedPreconditionError, UnavailableError
from rtmesh.relay.pull import Pull
from rtmesh.shm import Ring, RingError
from rtmesh.v1.relay_pb2 import PullRequest


class EgressEdge:
    """One reader's seat in a ring, lent to one pull at a time. Belongs to one event loop.

    Raises (from the constructor):
        RingError: the ring cannot be opened.
        FailedPreconditionError: it has no such reader.
    """

    def __init__(self, name: str, segment: str, reader: int) -> None:
        self._name = name
        self._index = reader
        self._ring = Ring.open(segment)
        self._seat = asyncio.Lock()
        self._newest: Pull | None = None
        self._leaving: asyncio.Task[None] | None = None
        self._is_closed = False
        if reader >= len(self._ring.layout.readers):
            self._ring.close()
            raise FailedPreconditionError(
                f"ring {segment} has no reader {reader}, which edge {name} needs",
                "the plan and the ring differ; apply the graph again",
            )

    @asynccontextmanager
    async def pull(self, opening: PullRequest) -> AsyncIterator[Pull]:
        """Lend the seat to a pull, taking it from the one before.

        Raises:
            AbortedError: a still newer pull came meanwhile.
            UnavailableError: the edge is closed.
            FailedPreconditionError: the reader cannot be attached.
        """
        pull = Pull(self._ring.name, self._index, opening)
        previous, self._newest = self._newest, pull
        if previous is not None:
            previous.cut(AbortedError(f"another pull took over edge {self._name}"))
        await self._seat.acquire()
        try:
            with self._ring_errors():
                self._check_seat(pull)
                pull.begin()
        except BaseException:
            self._seat.release()
            raise
        try:
            with self._ring_errors():
                yield pull
        finally:
            # Not awaited here: a cancelled rpc must not leave a thread in the ring that the next pull reads.
            self._leaving = asyncio.create_task(self._let_go(pull))

    async def close(self) -> None:
        """End the pull that runs, if any, and let go of the ring."""
        self._is_closed = True
        if self._newest is not None:
            self._newest.cut(UnavailableError(f"edge {self._name} was released"))
        async with self._seat:
            self._ring.close()

    @contextmanager
    def _ring_errors(self) -> Iterator[None]:
        try:
            yield
        except RingError as error:
            raise FailedPreconditionError(f"edge {self._name} cannot be read: {error}") from error

    def _check_seat(self, pull: Pull) -> None:
        if self._is_closed:
            raise UnavailableError(f"edge {self._name} was released")
        if pull is not self._newest:
            raise AbortedError(f"another pull took over edge {self._name}")

    async def _let_go(self, pull: Pull) -> None:
        """Free the seat for the next pull."""
        try:
            await pull.end()
        finally:
            self._seat.release()
