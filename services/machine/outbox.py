"""Reports on their way to the scheduler. While it is away, those that matter are kept for it."""

from __future__ import annotations

import asyncio
from collections import deque

import grpc

from rtmesh.v1 import machine_pb2

# What happened is told again to a scheduler that comes back; how things stand is told anew anyway.
KEPT_KINDS = frozenset({"prepared", "node", "ended"})
MOST_KEPT = 1000
# Accounts are told again soon: they are left out while the stream cannot keep up.
MOST_WAITING = 200
# Logs wait for room: they must not hold up what is said of nodes.
ROOM = 16


class Outbox:
    """A queue of reports, open while a stream is up."""

    def __init__(self) -> None:
        self._waiting: deque[machine_pb2.JoinRequest] = deque()
        self._is_open = False
        self._has_more = asyncio.Event()
        self._is_empty = asyncio.Event()
        self._is_empty.set()
        self._has_room = asyncio.Event()
        self._has_room.set()

    def put(self, report: machine_pb2.JoinRequest) -> None:
        """Tell the scheduler, now or, if it matters then, when it is back."""
        kind = report.WhichOneof("report")
        if kind == "accounts" and len(self._waiting) > MOST_WAITING:
            return
        if self._is_open or kind in KEPT_KINDS:
            self._waiting.append(report)
            self._note()
        if not self._is_open:
            self._forget_oldest()

    async def put_when_room(self, report: machine_pb2.JoinRequest) -> None:
        """Tell the scheduler, once not much else waits."""
        await self._has_room.wait()
        self.put(report)

    def beat(self) -> None:
        """A sign of life, unless something else is about to be said."""
        if not self._waiting:
            self.put(machine_pb2.JoinRequest())

    def runs_that_ended(self) -> list[str]:
        """Runs whose end is still to be told."""
        return [report.ended.run for report in self._waiting if report.HasField("ended")]

    def open(self) -> None:
        """A stream is up."""
        self._is_open = True
        self._note()

    def close(self) -> None:
        """The stream is gone: keep what matters."""
        self._is_open = False
        self._waiting = deque(item for item in self._waiting if item.WhichOneof("report") in KEPT_KINDS)
        self._note()

    async def until_empty(self) -> None:
        """Wait until everything was handed to the stream."""
        await self._is_empty.wait()

    async def send_to(self, call: grpc.aio.StreamStreamCall) -> None:
        """Hand what waits to the stream. What fails here ends the stream, which the other direction tells."""
        while True:
            await self._has_more.wait()
            while self._waiting:
                try:
                    await call.write(self._waiting[0])
                except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                    return
                self._waiting.popleft()
                self._note()

    def _forget_oldest(self) -> None:
        """Of a long absence the last part is told. Ends of runs are few, and all told."""
        if len(self._waiting) > MOST_KEPT:
            oldest = next((item for item in self._waiting if not item.HasField("ended")), self._waiting[0])
            self._waiting.remove(oldest)

    def _note(self) -> None:
        for event, is_so in (
            (self._has_more, bool(self._waiting)),
            (self._is_empty, not self._waiting),
            (self._has_room, len(self._waiting) < ROOM),
        ):
            event.set() if is_so else event.clear()
