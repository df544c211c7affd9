"""One pull of an edge that leaves: a thread reads the ring, the event loop takes the frames."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator

from rtmesh.relay.frames import end_frame, message_frame, skip_frame
from rtmesh.relay.outbox import Outbox
from rtmesh.shm import Reader, wait
from rtmesh.v1.relay_pb2 import PullRequest

# A sleeping thread looks up this often, to see whether its pull is over.
_SLICE_NS = 50_000_000
_SLICE_S = _SLICE_NS / 1e9
# Frames handed to the event loop at once.
_BATCH = 64


class Pull:
    """Made by an event loop, which also ends it; `begin` starts the thread."""

    def __init__(self, segment: str, reader: int, opening: PullRequest) -> None:
        self._segment = segment
        self._index = reader
        self._opening = opening
        self._credit = _Credit(opening.credit)
        self._outbox = Outbox()
        self._is_over = False
        self._thread = threading.Thread(target=self._read, name="egress", daemon=True)

    def begin(self) -> None:
        """Attach the reader where the caller left off, and start to read."""
        self._reader = Reader(self._segment, self._index, keep_unreleased=True)
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
        """Stop the thread and leave the seat; after a cut, hold_absent bounds its hold on the writer."""
        self._is_over = True
        await asyncio.to_thread(self._thread.join)
        if not self._reader.ended:
            self._reader.set_absent()
        self._reader.close()

    def _acknowledge(self, position: int) -> None:
        # A ring's reader may be released from any thread while one thread takes.
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
        # The latencies that an egress reader records are nobody's: the wall clock will do.
        return list(self._messages(most, time.time_ns()))

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
