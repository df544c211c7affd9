"""A connection that is dialled from here, and its calls."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable

from rtmesh.common.errors import UnavailableError
from rtmesh.relay import http2_frames as frames
from rtmesh.relay import sockets
from rtmesh.relay.http2_calls import DialledCall
from rtmesh.relay.http2_link import Link
from rtmesh.relay.wire import Stream

# How long it may take until the other side is there.
_CONNECT_S = 2.0


class Http2Connection:
    """A connection that is dialled with its first call, and again with the first after it broke."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._lock = threading.Lock()
        # The newest takes calls; others may have some left, after their server has taken its leave.
        self._links: list[_DialledLink] = []
        self._is_closed = False

    def call(self, stream: Stream) -> Callable[[], object]:
        """See wire.Connection."""
        with self._lock:
            if self._is_closed:
                raise UnavailableError("the connection is closed")
            if self._links and self._links[-1].takes_calls:
                return self._links[-1].call(stream)
            link = _DialledLink(self._address)
            cancel = link.call(stream)
            link.begin()
            self._links = [*(each for each in self._links if each.reason is None), link]
            return cancel

    def close(self) -> None:
        """See wire.Connection."""
        with self._lock:
            self._is_closed = True
            for link in self._links:
                link.shut(UnavailableError("the connection is closed"))


class _DialledLink(Link):
    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address
        self._numbers = itertools.count(1, 2)
        self._is_open = False
        self._unbegun: list[DialledCall] = []  # until it is open

    @property
    def takes_calls(self) -> bool:
        return not self.is_leaving and self._shut_for is None and self.reason is None

    def call(self, stream: Stream) -> Callable[[], object]:
        """Begin a call, now or when the connection is there. One thread at a time: numbers have to grow."""
        call = DialledCall(self, next(self._numbers), stream)
        with self._lock:
            if self.reason is not None:
                raise UnavailableError(str(self.reason))
            self._calls[call.number] = call
            if not self._is_open:
                self._unbegun.append(call)
                return call.cancel
        try:
            call.begin(self._address)
        except UnavailableError:
            call.cancel()
            raise
        return call.cancel

    def _open(self) -> socket.socket:
        try:
            made = sockets.connect(self._address, _CONNECT_S, self._dials)
        except OSError as error:
            raise UnavailableError(
                f"nobody answers at {self._address} ({error.strerror or error})",
                "check that meshd runs there and that no firewall is between",
            ) from error
        made.sendall(frames.PREFACE + frames.opening())
        return made

    def _dials(self, dialling: socket.socket) -> None:
        self._socket = dialling
        if self._shut_for is not None:
            raise ConnectionAbortedError("the connection is closed")

    def _opened(self) -> None:
        while True:
            with self._lock:
                if not self._unbegun:
                    self._is_open = True
                    return
                call = self._unbegun.pop(0)
            call.begin(self._address)

    def _take_new(self, number: int, headers: frames.Headers, *, is_last: bool) -> None:
        """Of a call that is over: the other side begins none."""
