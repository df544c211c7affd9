"""The wire by the layer of gRPC below its public interface, `grpc._cython.cygrpc`.

The public interface has a thread of its own poll for what comes and hand each frame to who waits for it: a
wake and a turn at the GIL, more than the work itself takes. Here the thread that polls is the one that
receives: one for each connection that is dialled, and some for those that others dial (`polled_listener`).
What is sent goes from the lane's own sending thread into the socket. The layer is not documented, though it
has been what it is for years: so only these two files and `polled_calls` use it, `wires` tries it out when
the relay starts, and `ordinary` is there for a gRPC where it is another.

How the layer works: operations are started on a call in batches, each with a *tag*; when a batch is done, the
queue that is polled gives an event with that tag. Tags are functions here, called with their event by the
receiving thread. Of each kind one batch may be under way on a call.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import structlog
from grpc._cython import cygrpc

from rtmesh.common.errors import UnavailableError
from rtmesh.common.serving import CHANNEL_OPTIONS
from rtmesh.common.status_codes import CANCELLED
from rtmesh.relay.polled_calls import DialledCall, Event
from rtmesh.relay.polled_listener import PolledListener
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
