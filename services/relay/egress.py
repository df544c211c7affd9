"""An edge that leaves: a ring of this machine, read for one far puller.

The reader's seat in the ring is the edge's memory: *taken* is what was sent, *released* what the
far side has acknowledged. A new pull moves *taken* back to what the caller holds, so whatever was lost
on the way, with a connection or with a process, is read from the ring again. Nothing is kept here.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

from rtmesh.common.errors import FailedPreconditionError, UnavailableError
from rtmesh.relay.frames import end_frame, message_frame, skip_frame
from rtmesh.shm import Reader, Ring, wait
from rtmesh.v1.relay_pb2 import PullRequest

_T = TypeVar("_T")

# A sleeping thread looks up this often, to see whether its pull has ended.
_SLICE_NS = 50_000_000
_SLICE_S = _SLICE_NS / 1e9
# Frames handed to the event loop at once.
_BATCH = 64


class TakenOverError(FailedPreconditionError):
    """Another pull of the same edge came; this one is over."""


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
            TakenOverError: a still newer pull came meanwhile.
            UnavailableError: the edge is closed.
            RingError: the reader cannot be attached.
        """
        pull = Pull(self._ring.name, self._index, opening)
        previous, self._newest = self._newest, pull
        if previous is not None:
            previous.cut(TakenOverError(f"another pull took over edge {self._name}"))
        await self._seat.acquire()
        try:
            self._check_seat(pull)
            pull.begin()
        except BaseException:
            self._seat.release()
            raise
        try:
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

    def _check_seat(self, pull: Pull) -> None:
        if self._is_closed:
            raise UnavailableError(f"edge {self._name} was released")
        if pull is not self._newest:
            raise TakenOverError(f"another pull took over edge {self._name}")

    async def _let_go(self, pull: Pull) -> None:
        """Free the seat as a cut leaves it: from now on hold_absent bounds how long the reader holds."""
        try:
            await pull.end()
            self._ring.mark_absent(self._index)
        finally:
            self._seat.release()


class Pull:
    """One pull: a thread reads the ring, the event loop takes the frames."""

    def __init__(self, segment: str, reader: int, opening: PullRequest) -> None:
        self._segment = segment
        self._index = reader
        self._opening = opening
        self._credit = _Credit(opening.credit)
        self._outbox = _Outbox()
        # Guards the reader, which two threads use: one takes, the event loop's releases.
        self._lock = threading.Lock()
        self._is_over = False
        self._thread = threading.Thread(target=self._read, name="egress", daemon=True)

    def begin(self) -> None:
        """Attach the reader where the caller left off, and start to read."""
        self._reader = Reader(self._segment, self._index)
        try:
            self._reader.resume(self._opening.resume_position, self._opening.held_messages)
        except BaseException:
            self._reader.close()
            raise
        if self._reader.taken > self._opening.resume_position:
            self._outbox.put([skip_frame(self._reader.taken)])
        self._acknowledge(self._opening.released_position)
        self._thread.start()

    def grant(self, request: PullRequest) -> None:
        """Take a later request's credit and acknowledgement."""
        self._acknowledge(request.released_position)
        self._credit.add(request.credit)

    def cut(self, reason: Exception) -> None:
        """End it from outside: `frames` raises `reason`."""
        self._is_over = True
        self._outbox.fail(reason)

    def frames(self) -> AsyncIterator[bytes]:
        """Everything to send, until the end of the stream or a cut."""
        return self._outbox.frames()

    async def end(self) -> None:
        """Stop the thread and close the reader; the seat keeps its state."""
        self._is_over = True
        await asyncio.to_thread(self._thread.join)
        self._reader.close()

    def _acknowledge(self, position: int) -> None:
        with self._lock:
            position = min(position, self._reader.taken)
            if position > self._reader.released:
                self._reader.release(position)

    def _read(self) -> None:
        with self._outbox.failures():
            while not self._is_over and not self._reader.ended:
                self._read_some()
            if self._reader.ended:
                self._outbox.close([end_frame(self._reader.taken)])

    def _read_some(self) -> None:
        """Send what there is, as far as there is credit; else sleep for what is missing."""
        if self._reader.available() == 0:
            wait(readers=(self._reader,), timeout_ns=_SLICE_NS)
        elif credit := self._credit.wait():
            frames = self._take(min(credit, _BATCH))
            self._credit.spend(len(frames))
            self._outbox.put(frames)

    def _take(self, most: int) -> list[bytes]:
        # A histogram of the egress reader would show the wall clock's error; nobody reads it.
        now_ns = time.time_ns()
        with self._lock:
            return list(self._messages(most, now_ns))

    def _messages(self, most: int, now_ns: int) -> Iterator[bytes]:
        for _ in range(most):
            view = self._reader.try_take(now_ns)
            if view is None:
                return
            yield message_frame(view.position, view.publish_time_ns, memoryview(view))


class _Credit:
    """How many messages may still be sent. One thread waits and spends, another adds."""

    def __init__(self, messages: int) -> None:
        self._messages = messages
        self._changed = threading.Condition()

    def add(self, messages: int) -> None:
        with self._changed:
            self._messages += messages
            self._changed.notify()

    def spend(self, messages: int) -> None:
        with self._changed:
            self._messages -= messages

    def wait(self) -> int:
        """The credit there is, after a bounded wait for some."""
        with self._changed:
            self._changed.wait_for(lambda: self._messages > 0, _SLICE_S)
            return self._messages


class _Outbox:
    """Frames on their way from a thread to the event loop that made this."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._frames: deque[bytes] = deque()
        self._changed = asyncio.Event()
        self._is_closed = False
        self._failure: Exception | None = None

    def put(self, frames: list[bytes]) -> None:
        """Add frames. From any thread."""
        self._call(self._frames.extend, frames)

    def close(self, frames: list[bytes]) -> None:
        """Add the last frames. From any thread."""
        self._call(self._close, frames)

    def fail(self, reason: Exception) -> None:
        """End now, with an error; what is not sent stays unsent. From any thread."""
        self._call(self._fail, reason)

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Hand an error of the thread to whoever takes the frames."""
        try:
            yield
        except Exception as error:
            self.fail(error)

    async def frames(self) -> AsyncIterator[bytes]:
        """Frames in order until the close; raises the failure."""
        while True:
            while self._frames and self._failure is None:
                yield self._frames.popleft()
            if self._failure is not None:
                raise self._failure
            if self._is_closed:
                return
            self._changed.clear()
            await self._changed.wait()

    def _call(self, change: Callable[[_T], None], argument: _T) -> None:
        self._loop.call_soon_threadsafe(self._apply, change, argument)

    def _apply(self, change: Callable[[_T], None], argument: _T) -> None:
        change(argument)
        self._changed.set()

    def _close(self, frames: list[bytes]) -> None:
        self._frames.extend(frames)
        self._is_closed = True

    def _fail(self, reason: Exception) -> None:
        self._failure = self._failure or reason
