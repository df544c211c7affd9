"""Outputs as outside clients see them: one tap on the ring for all of them, and a queue for each.

    ring ──thread──> backlog ──event loop──> queue of each subscription ──credit──> client

Every step drops its oldest when it is full, so that no client ever slows the graph, nor another client.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rtmesh.common.errors import ResourceExhaustedError, RtmeshError, UnavailableError
from rtmesh.shm import NoSpareReaderError, Reader, RingError, wait

QUEUE = 1024
# A sleeping thread looks up this often, to see whether it is still needed.
SLICE_NS = 100_000_000
_BATCH = 64


class Subscription:
    """What waits for one client, and how much of it the client will take. Belongs to the event loop."""

    def __init__(self) -> None:
        self._messages: deque[bytes] = deque(maxlen=QUEUE)
        self._granted = 0
        self._is_last_credit_in = False
        self._has_ended = False
        self._error: RtmeshError | None = None
        self._changed = asyncio.Event()

    def put(self, messages: list[bytes]) -> None:
        """Add messages, dropping the oldest beyond 1024."""
        self._messages.extend(messages)
        self._changed.set()

    def grant(self, messages: int) -> None:
        """The client will take so many more."""
        self._granted += messages
        self._changed.set()

    def no_more_credit(self) -> None:
        """The client half-closed: what is granted is still served."""
        self._is_last_credit_in = True
        self._changed.set()

    def end(self, error: RtmeshError | None = None) -> None:
        """Nothing more comes: the stream ended, or `error` ended it."""
        self._has_ended, self._error = True, error
        self._changed.set()

    async def next(self) -> bytes | None:
        """The next message, as soon as there is one and credit for it; None if there will be none.

        Raises the error that ended the stream.
        """
        while not (self._messages and self._granted):
            if self._error is not None:
                raise self._error
            if self._has_ended and not self._messages or self._is_last_credit_in and not self._granted:
                return None
            await self._changed.wait()
            self._changed.clear()
        self._granted -= 1
        return self._messages.popleft()


class OutputTap:
    """One output of a node for any number of clients. It holds a reader's seat only while there are some."""

    def __init__(self, name: str, segment: str, now_ns: Callable[[], int]) -> None:
        self._name = name
        self._segment = segment
        self._now_ns = now_ns
        self._subscriptions: set[Subscription] = set()
        self._pump: _Pump | None = None

    @contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        """A subscription to what is published from now on.

        Raises:
            ResourceExhaustedError: other programs hold every spare reader of the ring.
            UnavailableError: the ring is not there.
        """
        subscription = Subscription()
        if self._pump is None or self._pump.is_over:
            self._pump = self._attach()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
            if not self._subscriptions:
                self._pump.stop()

    def stop(self) -> None:
        """Let go of the ring; every subscription ends with UnavailableError."""
        if self._pump is not None:
            self._pump.stop()
        for subscription in self._subscriptions:
            subscription.end(UnavailableError(f"the service of output {self._name} ends", "connect again"))

    def join(self, timeout_s: float) -> None:
        """Wait until no thread reads the ring any more."""
        if self._pump is not None:
            self._pump.join(timeout_s)

    def _attach(self) -> _Pump:
        try:
            reader = Reader.tap(self._segment, queue=QUEUE, name_="service")
        except NoSpareReaderError as error:
            raise ResourceExhaustedError(
                f"output {self._name} has no place for another reader ({error})",
                "end a program that taps it directly; clients of this service share one place",
            ) from error
        except RingError as error:
            raise self._unreadable(error) from error
        return _Pump(reader, self._now_ns, self._put, self._end)

    def _put(self, messages: list[bytes]) -> None:
        for subscription in self._subscriptions:
            subscription.put(messages)

    def _end(self, error: Exception | None) -> None:
        for subscription in self._subscriptions:
            subscription.end(None if error is None else self._unreadable(error))

    def _unreadable(self, error: Exception) -> UnavailableError:
        return UnavailableError(f"output {self._name} cannot be read ({error})", "is the run over?")


class _Pump:
    """A thread that sleeps in the ring and hands over what it copies, many messages at a time."""

    def __init__(
        self,
        reader: Reader,
        now_ns: Callable[[], int],
        put: Callable[[list[bytes]], None],
        end: Callable[[Exception | None], None],
    ) -> None:
        self._reader = reader
        self._now_ns = now_ns
        self._put = put
        self._end = end
        self._loop = asyncio.get_running_loop()
        # Bounded, because an event loop that stalls must not make it grow.
        self._backlog: deque[bytes] = deque(maxlen=QUEUE)
        self._is_delivery_due = False
        self.is_over = False
        self._thread = threading.Thread(target=self._run, name="tap", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End within one slice; what is not handed over yet is dropped."""
        self.is_over = True

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    def _run(self) -> None:
        error: Exception | None = None
        try:
            while not self.is_over and not self._reader.ended:
                if wait(readers=(self._reader,), timeout_ns=SLICE_NS):
                    self._read_batch()
        except Exception as failure:  # told to every client; another may be luckier
            error = failure
        finally:
            self._reader.leave()
            self._reader.close()
            self._call(self._finish, error)

    def _read_batch(self) -> None:
        now_ns = self._now_ns()
        for _ in range(_BATCH):
            view = self._reader.try_take(now_ns)
            if view is None:
                break
            self._backlog.append(bytes(view))
            del view  # it pins its slot
            self._reader.release()
        if self._backlog and not self._is_delivery_due:
            self._is_delivery_due = True
            self._call(self._deliver)

    def _deliver(self) -> None:
        """In the event loop: hand over all there is. The flag falls first, so that nothing is left lying."""
        self._is_delivery_due = False
        messages = []
        while self._backlog:
            messages.append(self._backlog.popleft())
        if not self.is_over:
            self._put(messages)

    def _finish(self, error: Exception | None) -> None:
        if not self.is_over:
            self._deliver()
            self.is_over = True
            self._end(error)

    def _call(self, callback: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError:
            pass  # the event loop is closed: nobody is left to tell
