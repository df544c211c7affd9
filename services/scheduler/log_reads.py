"""Logs on their way from machines to those who read them; the state machine never sees their bytes.

    client <──ReadLog── LogRead <──Join stream (LogChunk)── machine
                        at most MOST_WAITING_BYTES

The stream of a machine carries its reports too, so a reader that is slow must not hold it: what waits
for a reader is bounded, and a reader that falls behind loses its read, not the mesh its machine. A
machine sends a log faster than most can read it, so the stream waits a little for a reader that goes
on reading; how long in all is bounded.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import AsyncIterator, Callable

from rtmesh.common.errors import NotFoundError, ResourceExhaustedError, RtmeshError, UnavailableError
from rtmesh.v1 import machine_pb2, scheduler_pb2

MOST_WAITING_BYTES = 1 << 20
ROOM_BYTES = MOST_WAITING_BYTES // 2
# How long the stream of a machine waits for one reader: for its next piece, and in all.
PIECE_PATIENCE_S = 1.0
PATIENCE_S = 5.0
Send = Callable[[machine_pb2.JoinResponse], None]


class LogRead:
    """One log being read: what came and was not handed on yet."""

    def __init__(self, machine: str, name: str, cancel: Callable[[], None]) -> None:
        self.machine = machine
        self._name = name
        self._cancel = cancel
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._more = asyncio.Event()
        self._handed_on = asyncio.Event()
        self._patience_s = PATIENCE_S
        self._has_ended = False
        self._error: RtmeshError | None = None

    async def texts(self) -> AsyncIterator[bytes]:
        """What the log says, as it comes. Raises RtmeshError: it cannot be read, or not any more."""
        while True:
            while self._waiting:
                text = self._waiting.popleft()
                self._waiting_bytes -= len(text)
                self._handed_on.set()
                yield text
            if self._error is not None:
                raise self._error
            if self._has_ended:
                return
            self._more.clear()
            await self._more.wait()

    def take(self, chunk: machine_pb2.LogChunk) -> None:
        """A part of the log has come."""
        if self._has_ended:
            return
        if chunk.text:
            self._waiting.append(chunk.text)
            self._waiting_bytes += len(chunk.text)
        if self._waiting_bytes > MOST_WAITING_BYTES:
            self._fall_behind()
        elif chunk.end:
            self.end(NotFoundError(chunk.error) if chunk.error else None)
        self._more.set()

    async def wait_for_room(self) -> None:
        """Wait, for not too long, until not much waits."""
        while self._waiting_bytes > ROOM_BYTES and self._patience_s > 0:
            self._handed_on.clear()
            began_s = time.monotonic()
            try:
                await asyncio.wait_for(self._handed_on.wait(), PIECE_PATIENCE_S)
            except TimeoutError:
                self._patience_s = 0  # it does not read at all
            self._patience_s -= time.monotonic() - began_s

    def end(self, error: RtmeshError | None = None) -> None:
        """Nothing more will come."""
        self._has_ended, self._error = True, error
        self._more.set()

    def close(self) -> None:
        """Nobody reads any more."""
        self._let_go()
        if not self._has_ended:
            self.end()
            self._cancel()

    def _let_go(self) -> None:
        self._waiting.clear()
        self._waiting_bytes = 0
        self._handed_on.set()

    def _fall_behind(self) -> None:
        waited = self._waiting_bytes
        self._let_go()
        self.end(
            ResourceExhaustedError(
                f"the log of {self._name} comes faster than it is read: {waited} bytes waited",
                "read it again with a faster reader, or its last lines only",
            )
        )
        self._cancel()


class LogReads:
    """Every log that is being read."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._reads: dict[int, LogRead] = {}

    def open(self, request: scheduler_pb2.ReadLogRequest, machine: str, run: str, send: Send) -> LogRead:
        """Ask a machine for a log."""
        number = next(self._ids)
        order = machine_pb2.ReadLog(
            id=number,
            run=run,
            node=request.node,
            previous=request.previous,
            follow=request.follow,
            last_lines=request.last_lines,
        )
        read = LogRead(machine, f"{request.graph}/{request.node}", lambda: self._cancel(number, send))
        self._reads[number] = read
        send(machine_pb2.JoinResponse(read_log=order))
        return read

    async def take(self, machine: str, chunk: machine_pb2.LogChunk) -> None:
        """A part of a log has come; of one that nobody reads, or that is another machine's, it is ignored.

        Waits a little for a reader for whom much waits.
        """
        read = self._reads.get(chunk.id)
        if read is None or read.machine != machine:
            return
        if chunk.end:
            del self._reads[chunk.id]
        read.take(chunk)
        await read.wait_for_room()

    def lose(self, machine: str) -> None:
        """A machine has gone, and with it what it was asked for."""
        for number, read in list(self._reads.items()):
            if read.machine == machine:
                del self._reads[number]
                remedy = "read the log again when it is back"
                read.end(UnavailableError(f"machine {machine} was lost while its log was read", remedy))

    def _cancel(self, number: int, send: Send) -> None:
        if self._reads.pop(number, None) is not None:
            send(machine_pb2.JoinResponse(cancel_log=machine_pb2.CancelLog(id=number)))
