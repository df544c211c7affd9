"""Where other relays dial, by the layer of gRPC that `polled` tells of."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import structlog
from grpc._cython import cygrpc

from rtmesh.common.serving import SERVER_OPTIONS
from rtmesh.relay.polled_calls import AcceptedCall, Event
from rtmesh.relay.wire import Accept

# gRPC gives them the connections in turn. The two of one machine come one behind the other, so each has a
# thread of its own: a small message does not wait until a large one is copied. A thread that has none looks
# after new ones.
_RECEIVERS = 4
# How often a receiving thread that ends looks whether all is done.
_LOOK_S = 0.2
# What is cancelled ends at once; it is waited for so long at most.
_CANCELLED_S = 2.0


class PolledListener:
    """A server of lanes; each connection has one of its receiving threads."""

    def __init__(self, accept: Accept) -> None:
        self._server: Any = cygrpc.Server(tuple(SERVER_OPTIONS), False)
        down = threading.Event()
        self._receivers = [_Receiver(self._server, accept, down) for _ in range(_RECEIVERS)]

    def add_insecure_port(self, address: str) -> int:
        """See wire.Listener."""
        return int(self._server.add_http2_port(address.encode()))

    def start(self) -> None:
        """See wire.Listener."""
        self._server.start()
        for receiver in self._receivers:
            receiver.start()

    def stop(self, grace_s: float) -> None:
        """See wire.Listener."""
        for receiver in self._receivers:
            receiver.ask_no_more()
        self._receivers[0].shut_down()
        if not self._are_over(grace_s):
            self._server.cancel_all_calls()
        if self._are_over(_CANCELLED_S):
            self._server.destroy()

    def _are_over(self, within_s: float) -> bool:
        until_s = time.monotonic() + within_s
        return all(receiver.is_over_by(until_s) for receiver in self._receivers)


class _Receiver:
    """A receiving thread, with the queue that it polls.

    Args:
        down: set once all calls and connections of the server are closed.
    """

    def __init__(self, server: Any, accept: Accept, down: threading.Event) -> None:
        self._server = server
        self._accept = accept
        self._down = down
        self._queue: Any = cygrpc.CompletionQueue()
        server.register_completion_queue(self._queue)
        self._lock = threading.Lock()
        self._due = 0  # batches under way
        self._is_stopping = False
        self._is_over = False  # nothing may be started any more: the queue is not polled
        self._thread = threading.Thread(target=self._poll, name="receive", daemon=True)
        self._log = structlog.get_logger()

    def start(self) -> None:
        """Take calls from now on; the server has started."""
        self._ask()
        self._thread.start()

    def ask_no_more(self) -> None:
        """Take no new call, and end once the server is down; that it shuts down wakes the thread."""
        with self._lock:
            self._is_stopping = True

    def shut_down(self) -> None:
        """Have the server shut down, of all receivers by one."""
        with self._lock:
            self._due += 1
            self._server.shutdown(self._queue, self._shut_down)

    def is_over_by(self, until_s: float) -> bool:
        """Wait so long, on time.monotonic(), for its end; whether it has come."""
        self._thread.join(max(0.0, until_s - time.monotonic()))
        return not self._thread.is_alive()

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
        self._down.set()

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
            event = self._queue.poll(time.time() + _LOOK_S if self._is_stopping else None)
            if event.tag is not None:
                try:
                    event.tag(event)
                except Exception:
                    self._log.exception("receiving fails")
            with self._lock:
                self._due -= event.tag is not None
                self._is_over = self._down.is_set() and self._due == 0
            del event  # it keeps a call alive, and a frame
