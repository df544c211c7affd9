"""The wire by the layer of gRPC below its public interface, `grpc._cython.cygrpc`.

The public interface has a thread of its own poll for what comes and hand each frame to who waits for it: a
wake and a turn at the GIL, more than the work itself takes. Here the thread that polls is the one that
receives: one for all lanes that others dial, one for each connection that is dialled. What is sent goes from
the lane's own sending thread into the socket. The layer is not documented, though it has been what it is for
years: so only this file and `polled_calls` use it, `wires` tries it out when the relay starts, and
`ordinary` is there for a gRPC where it is another.

How the layer works: operations are started on a call in batches, each with a *tag*; when a batch is done, the
queue that is polled gives an event with that tag. Tags are functions here, called with their event by the
receiving thread. Of each kind one batch may be under way on a call.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import structlog
from grpc._cython import cygrpc

from rtmesh.common.errors import UnavailableError
from rtmesh.common.serving import CHANNEL_OPTIONS, SERVER_OPTIONS
from rtmesh.common.status_codes import CANCELLED
from rtmesh.relay.polled_calls import AcceptedCall, DialledCall, Event
from rtmesh.relay.wire import Accept, Stream

_NAMES = (
    "Channel",
    "CompletionQueue",
    "ReceiveCloseOnServerOperation",
    "ReceiveInitialMetadataOperation",
    "ReceiveMessageOperation",
    "ReceiveStatusOnClientOperation",
    "SendInitialMetadataOperation",
    "SendMessageOperation",
    "SendStatusFromServerOperation",
    "Server",
)
# How often the receiving thread of a listener that ends looks whether all is done.
_LOOK_S = 0.2
# What is cancelled ends at once; it is waited for so long at most.
_CANCELLED_S = 2.0


class PolledConnection:
    """A channel; its receiving thread is there while there are calls."""

    def __init__(self, address: str) -> None:
        self._channel: Any = cygrpc.Channel(address.encode(), tuple(CHANNEL_OPTIONS), None)
        # Held while a batch is started, so that the receiving thread does not end before its event.
        self._lock = threading.Lock()
        self._due = 0  # batches under way
        self._calls: set[DialledCall] = set()
        self._is_closed = False
        self._log = structlog.get_logger()

    def call(self, stream: Stream) -> Callable[[], object]:
        """See wire.Connection."""
        call = DialledCall(stream, self._start, self._forget)
        with self._lock:
            if self._is_closed:
                raise UnavailableError("the connection is closed")
            is_polled = self._due > 0
            self._due += call.begin(self._channel)
            self._calls.add(call)
        if not is_polled:
            threading.Thread(target=self._poll, name="receive", daemon=True).start()
        call.begin_sending()
        return call.cancel

    def close(self) -> None:
        """See wire.Connection."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            if self._due == 0:
                self._close_channel()
            calls = list(self._calls)
        for call in calls:
            call.cancel()

    def _start(self, call: Any, operation: Any, tag: Callable[[Event], object]) -> bool:
        with self._lock:
            if not call.operate((operation,), tag):
                return False
            self._due += 1
            return True

    def _forget(self, call: DialledCall) -> None:
        with self._lock:
            self._calls.discard(call)

    def _poll(self) -> None:
        is_due = True
        while is_due:
            event = self._channel.next_call_event()
            try:
                event.tag(event)
            except Exception:
                self._log.exception("receiving fails")
            del event  # it keeps a call alive, and a frame
            is_due = self._is_due()

    def _is_due(self) -> bool:
        """One batch is done: whether there are others."""
        with self._lock:
            self._due -= 1
            if self._due == 0 and self._is_closed:
                self._close_channel()
            return self._due > 0

    def _close_channel(self) -> None:
        self._channel.close(CANCELLED, "the connection is closed")


class PolledListener:
    """A server of lanes, with one receiving thread."""

    def __init__(self, accept: Accept) -> None:
        self._accept = accept
        self._queue: Any = cygrpc.CompletionQueue()
        self._server: Any = cygrpc.Server(tuple(SERVER_OPTIONS), False)
        self._server.register_completion_queue(self._queue)
        self._lock = threading.Lock()
        self._due = 0  # batches under way
        self._is_stopping = False
        self._is_down = False  # all calls and connections are closed
        self._is_over = False  # nothing may be started any more: the queue is not polled
        self._ended = threading.Event()
        self._receiving = threading.Thread(target=self._poll, name="receive", daemon=True)
        self._log = structlog.get_logger()

    def add_insecure_port(self, address: str) -> int:
        """See wire.Listener."""
        return int(self._server.add_http2_port(address.encode()))

    def start(self) -> None:
        """See wire.Listener."""
        self._server.start()
        self._ask()
        self._receiving.start()

    def stop(self, grace_s: float) -> None:
        """See wire.Listener."""
        with self._lock:
            self._is_stopping = True
            self._due += 1
            self._server.shutdown(self._queue, self._shut_down)
        if not self._ended.wait(grace_s):
            self._server.cancel_all_calls()
            self._ended.wait(_CANCELLED_S)
        if self._is_over:
            self._receiving.join(_CANCELLED_S)
            self._server.destroy()

    def _ask(self) -> None:
        """For the next call."""
        with self._lock:
            if not self._is_stopping:
                self._due += 1
                self._server.request_call(self._queue, self._queue, self._called)

    def _called(self, event: Event) -> None:
        if event.success:
            self._ask()
            AcceptedCall(event, self._accept, self._start).begin()

    def _shut_down(self, event: Event) -> None:
        self._is_down = True

    def _start(self, call: Any, operation: Any, tag: Callable[[Event], object]) -> bool:
        with self._lock:
            if self._is_over:
                return False
            self._due += 1
        if call.start_server_batch((operation,), tag) == 0:
            return True
        with self._lock:
            self._due -= 1
        return False

    def _poll(self) -> None:
        while not self._is_over:
            event = self._queue.poll(time.time() + _LOOK_S if self._is_down else None)
            if event.tag is not None:
                try:
                    event.tag(event)
                except Exception:
                    self._log.exception("receiving fails")
            with self._lock:
                self._due -= event.tag is not None
                self._is_over = self._is_down and self._due == 0
            del event  # it keeps a call alive, and a frame
        self._ended.set()


class PolledWire:
    """See wire.Wire.

    Raises (from the constructor):
        RuntimeError: this gRPC has not all that it needs.
    """

    def __init__(self) -> None:
        missing = [name for name in _NAMES if not hasattr(cygrpc, name)]
        if missing:
            raise RuntimeError(f"grpc._cython.cygrpc has no {', '.join(missing)}")

    def connect(self, address: str) -> PolledConnection:
        """See wire.Wire."""
        return PolledConnection(address)

    def listen(self, accept: Accept) -> PolledListener:
        """See wire.Wire."""
        return PolledListener(accept)
