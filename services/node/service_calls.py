"""Calls to the loop: a request goes into one control ring, its answer comes out of another."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from typing import TypeAlias

from google.protobuf.message import DecodeError

from rtmesh.common.control import EVENTS_READER_SERVICE, WORD_STATE
from rtmesh.common.errors import DeadlineExceededError, InvalidArgumentError
from rtmesh.common.logs import get_logger
from rtmesh.common.parts import Cutter, Joiner
from rtmesh.common.processes import process_start_time
from rtmesh.node.service_inputs import until_space
from rtmesh.node.service_pending import PendingCalls, Sight
from rtmesh.node.service_taps import SLICE_NS
from rtmesh.shm import MessageTooLargeError, Reader, Ring, Writer, wait
from rtmesh.v1 import node_pb2

TIMEOUT_S = 30.0
News: TypeAlias = tuple[int, node_pb2.NodeEvent]  # and the loop's life that told it
_log = get_logger()


class LoopCalls:
    """Calls the loop of one node, and hears in which state it is. The loop may die and come again."""

    def __init__(
        self,
        config: node_pb2.LoopConfig,
        now_ns: Callable[[], int],
        on_state: Callable[[int], None],
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Raises RingError if a ring cannot be attached."""
        self._node = node = config.node.node.name
        self._now_ns = now_ns
        self._on_state = on_state
        self._timeout_s = timeout_s
        self._calls = PendingCalls(node, os.getpid())
        self._turn = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        self._ring = Ring.open(config.events_segment)
        self._requests = Writer(config.requests_segment)
        self._cutter = Cutter(node_pb2.NodeRequest)
        self._replies = _Heard(Reader(config.replies_segment, 0), now_ns, node)
        self._events = _Heard(Reader(config.events_segment, EVENTS_READER_SERVICE), now_ns, node)
        self._stopping = threading.Event()
        self._hear(self._take())  # what was told before is no news
        self._watch(self._look())
        self._thread = threading.Thread(target=self._listen, name="events", daemon=True)
        self._thread.start()

    async def call(self, method: str, request: bytes) -> bytes:
        """The answer of the loop to `request`, given between two of its steps.

        Raises:
            RefusedError: the loop refused.
            UnavailableError: the loop is not there, or went before it answered: it may have acted or not.
            DeadlineExceededError: it did not answer within 30 s.
            InvalidArgumentError: the request is too large.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._call(method, request)
        except TimeoutError:
            raise DeadlineExceededError(
                f"node {self._node} did not answer {method} within {self._timeout_s:g} s",
                "it is in a long step or in setup; `describe` shows its state",
            ) from None

    def stop(self) -> None:
        """End the thread within one slice, and every call under way."""
        self._stopping.set()
        self._calls.lost(None, "cannot be reached: its service ends")

    def close(self, timeout_s: float) -> None:
        """Wait for the thread's end, then let go of the rings."""
        self._thread.join(timeout_s)
        if not self._thread.is_alive():
            self._events.reader.close()
            self._replies.reader.close()
            self._requests.close()
            self._ring.close()

    async def _call(self, method: str, request: bytes) -> bytes:
        call, answer = self._calls.begin(self._look())
        try:
            async with self._turn:
                await self._send(node_pb2.NodeRequest(id=call, method=method, request=request), answer)
            return await answer
        finally:
            self._calls.finish(call)

    async def _send(self, request: node_pb2.NodeRequest, answer: asyncio.Future[bytes]) -> None:
        try:
            for slot in self._cutter.slots(request):
                while not answer.done() and not self._requests.try_publish(slot, self._now_ns()):
                    await until_space(self._requests)
        except MessageTooLargeError as error:
            raise InvalidArgumentError(
                f"{request.method}: {error}", "requests travel in shared memory: send a path instead"
            ) from error

    def _listen(self) -> None:
        """Thread: sleep in the ring, hand over what the loop tells, and look whether it lives."""
        while not self._stopping.is_set():
            try:
                if self._has_news():
                    self._loop.call_soon_threadsafe(self._hear, self._take())
                else:
                    self._loop.call_soon_threadsafe(self._watch, self._look())
            except RuntimeError:
                return  # the event loop is closed

    def _has_news(self) -> bool:
        """Wait for news, one slice at most."""
        rings = self._events.reader, self._replies.reader
        if any(reader.ended for reader in rings):  # wait() would return at once, until the next life
            self._stopping.wait(SLICE_NS / 1e9)
            return False
        return wait(readers=rings, timeout_ns=SLICE_NS)

    def _take(self) -> list[News]:
        """What the loop told, life by life. It replies before it tells its end, so replies come first."""
        events = self._events.take()
        return sorted([*self._replies.take(), *events], key=lambda news: news[0])

    def _look(self) -> Sight:
        snapshot = self._ring.snapshot()
        is_alive = snapshot.writer_pid != 0 and process_start_time(snapshot.writer_pid) is not None
        return Sight(snapshot.epoch, is_alive, snapshot.words[WORD_STATE])

    def _hear(self, news: list[News]) -> None:
        for epoch, event in news:
            self._calls.heard(epoch, event)
        self._on_state(self._calls.state)

    def _watch(self, sight: Sight) -> None:
        self._calls.saw(sight)
        self._on_state(self._calls.state)


class _Heard:
    """One ring of the loop's, as this service hears it."""

    def __init__(self, reader: Reader, now_ns: Callable[[], int], node: str) -> None:
        self.reader = reader
        self._now_ns = now_ns
        self._node = node
        self._joiner = Joiner(node_pb2.NodeEvent.FromString)

    def take(self) -> list[News]:
        news = []
        while (view := self.reader.try_take(self._now_ns())) is not None:
            epoch, data = view.epoch, bytes(view)
            del view  # it pins its slot
            self.reader.release()
            if (event := self._event(epoch, data)) is not None:
                news.append((epoch, event))
        return news

    def _event(self, epoch: int, data: bytes) -> node_pb2.NodeEvent | None:
        try:
            return self._joiner.take(epoch, data)
        except DecodeError as error:  # a loop of another language may be wrong; its next event may not
            _log.warning("the loop told what is no NodeEvent", node=self._node, error=str(error))
            return None
