"""Where other relays dial; each connection has a thread of its own."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

import structlog

from rtmesh.common.errors import RtmeshError, UnavailableError
from rtmesh.relay import http2_frames as frames
from rtmesh.relay import sockets
from rtmesh.relay.http2_calls import AcceptedCall, Call
from rtmesh.relay.http2_link import Link
from rtmesh.relay.threads import start_thread
from rtmesh.relay.wire import Accept

# Who dials says so soon that it speaks HTTP/2.
_PREFACE_S = 3.0
# Every machine of a mesh has two.
_MOST_CONNECTIONS = 1024
# What is cut ends at once; it is waited for so long at most.
_CUT_S = 2.0
_RETRY_S = 0.01


class Http2Listener:
    """See wire.Listener."""

    def __init__(self, accept: Accept) -> None:
        self._accept = accept
        self._listening: list[socket.socket] = []
        self._links: set[_AcceptedLink] = set()
        self._is_stopping = threading.Event()
        self._calmed = threading.Condition()  # a call or a connection is over
        self._threads: list[threading.Thread] = []
        self._log = structlog.get_logger()

    def add_insecure_port(self, address: str) -> int:
        """See wire.Listener."""
        try:
            made, port = sockets.listen(address)
        except OSError as error:
            raise RuntimeError(str(error)) from error
        self._listening += made
        return port

    def start(self) -> None:
        """See wire.Listener."""
        for listening in self._listening:
            self._threads.append(start_thread("accept", self._take_all, listening))

    def stop(self, grace_s: float) -> None:
        """See wire.Listener."""
        self._is_stopping.set()
        for listening in self._listening:
            sockets.unlink(listening)
            with contextlib.suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)  # whoever accepts there wakes
        for thread in self._threads:
            thread.join(_CUT_S)
        for listening in self._listening:
            listening.close()
        for link in list(self._links):
            link.say(frames.going_away(frames.LARGEST_WINDOW, frames.NO_ERROR))
        self._wait(lambda: not any(link.has_calls for link in list(self._links)), grace_s)
        for link in list(self._links):
            link.shut(UnavailableError("the relay ends"))
        self._wait(lambda: not self._links, _CUT_S)

    def _wait(self, is_so: Callable[[], bool], within_s: float) -> None:
        with self._calmed:
            self._calmed.wait_for(is_so, within_s)

    def _calm(self, over: _AcceptedLink | None = None) -> None:
        with self._calmed:
            if over is not None:
                self._links.discard(over)
            self._calmed.notify_all()

    def _take_all(self, listening: socket.socket) -> None:
        while not self._is_stopping.is_set():
            try:
                self._take(sockets.accept(listening))
            except (OSError, UnavailableError) as error:
                if not self._is_stopping.wait(_RETRY_S):  # there may be no number or no thread just now
                    self._log.warning("cannot take a connection", error=str(error))

    def _take(self, made: socket.socket) -> None:
        """Raises UnavailableError if there is no room for it."""
        link = _AcceptedLink(made, self._accept, self._calm)
        self._links.add(link)
        try:
            if len(self._links) > _MOST_CONNECTIONS:
                raise UnavailableError(f"there are {_MOST_CONNECTIONS} already")
            link.begin()
        except UnavailableError:
            self._links.discard(link)
            made.close()
            raise


class _AcceptedLink(Link):
    """A connection that another relay has dialled.

    Args:
        calm: called with this when it is over, and without when a call is.
    """

    def __init__(self, made: socket.socket, accept: Accept, calm: Callable[..., object]) -> None:
        super().__init__()
        self._socket = made
        self._accept = accept
        self._calm = calm
        self._newest = 0  # of the streams that there were

    @property
    def has_calls(self) -> bool:
        return bool(self._calls)

    def _open(self) -> socket.socket:
        assert self._socket is not None
        self._socket.settimeout(_PREFACE_S)
        came = b""
        while len(came) < len(frames.PREFACE) and frames.PREFACE.startswith(came):
            part = self._socket.recv(len(frames.PREFACE) - len(came))
            if not part:
                raise ConnectionResetError("it closed the connection")
            came += part
        if came != frames.PREFACE:
            raise ValueError("it does not speak HTTP/2")
        self._socket.settimeout(None)
        self._socket.sendall(frames.opening())
        return self._socket

    def _opened(self) -> None:
        """It is the other side that begins calls."""

    def _take_new(self, number: int, headers: frames.Headers, *, is_last: bool) -> None:
        if number % 2 == 0:
            raise ValueError(f"it begins a stream with an even number, {number}")
        if number <= self._newest:
            return  # of one that is over
        self._newest = number
        if len(self._calls) >= frames.MOST_CALLS:
            self.say(frames.reset(number, frames.REFUSED))
            return
        call = AcceptedCall(self, number, self._accept)
        with self._lock:
            self._calls[number] = call
            self._want(call)
        call.begin(headers, is_last=is_last)

    def _end(self, reason: RtmeshError) -> None:
        super()._end(reason)
        self._calm(self)

    def forget(self, call: Call) -> bool:
        """See Link."""
        is_known = super().forget(call)
        self._calm()
        return is_known
