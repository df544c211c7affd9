"""What is said on a connection with HTTP/2: who writes, what waits to be said, and how much may be sent.

Messages are written by the threads of the lanes that they belong to, one at a time. The thread that receives
never waits to write, or two relays that both do would wait for each other: what it has to say goes before the
next message, or at once if nobody else is writing.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections import deque
from typing import Protocol

from rtmesh.relay import http2_frames as frames
from rtmesh.relay._http2 import send_message

# The byte that says whether a message is compressed, and its length.
_MESSAGE_HEAD = struct.Struct(">BI")
# How often a thread that has no window looks whether its lane is over.
_LOOK_S = 0.2
# Who asks for so many answers and takes none of them is no relay.
_MOST_WAITING = 1000


class Outgoing(Protocol):
    """A call, as far as its messages leave here."""

    number: int
    is_over: bool
    # What the other side's window of this stream lets it send, and what it has sent.
    granted: int
    used: int


class Outlet:
    """Of one connection; any thread."""

    def __init__(self) -> None:
        self.most_frame_bytes = frames.FIRST_FRAME_BYTES  # that the other side takes
        self._write = threading.Lock()  # held by who writes
        self._socket: socket.socket | None = None
        self._waiting: deque[bytes] = deque()  # before the next message
        # What all calls may send, and have sent: who receives adds to the one, who writes to the other.
        self._granted, self._used = frames.FIRST_WINDOW, 0
        self._has_grown = threading.Event()

    def open(self, made: socket.socket) -> None:
        """Write to this from now on."""
        self._socket = made

    def close(self) -> None:
        """Write nothing any more; when this returns, nobody does."""
        with self._write:
            self._socket = None

    def check(self) -> None:
        """Before there is more to answer.

        Raises:
            ValueError: the other side takes none of the answers.
        """
        if len(self._waiting) >= _MOST_WAITING:
            raise ValueError(f"it takes none of {_MOST_WAITING} answers")

    def grant(self, window_bytes: int) -> None:
        """The other side takes so many more, of all calls together; 0: of one of them."""
        self._granted += window_bytes
        self._has_grown.set()

    def say(self, frame: bytes) -> None:
        """Say this before the next message; nothing if the connection is over."""
        self._waiting.append(frame)
        self._say_soon()

    def send(self, call: Outgoing, message: bytes) -> None:
        """Send a message, as soon as the other side's windows allow; nothing if the call is over.

        Raises:
            OSError: the connection is over, or takes nothing.
        """
        cost = _MESSAGE_HEAD.size + len(message)
        with self._write:
            written = self._say_waiting()
            if call.is_over:
                return
            is_whole = cost <= self._window(call)
            if is_whole:
                self._uses(call, cost)
                send_message(written.fileno(), call.number, message, self.most_frame_bytes)
        if not is_whole:
            self._send_in_parts(call, memoryview(_MESSAGE_HEAD.pack(0, len(message)) + message))
        if self._waiting:
            self._say_soon()

    def _send_in_parts(self, call: Outgoing, left: memoryview) -> None:
        while left and not call.is_over:
            with self._write:
                written = self._say_waiting()
                part = left[: max(0, min(self._window(call), self.most_frame_bytes))]
                if part:
                    self._uses(call, len(part))
                    written.sendall(frames.data_head(call.number, len(part)) + part)
            left = left[len(part) :]
            if not part:
                self._has_grown.wait(_LOOK_S)
                self._has_grown.clear()

    def _window(self, call: Outgoing) -> int:
        return min(self._granted - self._used, call.granted - call.used)

    def _uses(self, call: Outgoing, size: int) -> None:
        self._used += size
        call.used += size

    def _say_soon(self) -> None:
        """Unless somebody writes, who looks here afterwards, or the other side takes nothing now."""
        is_ready = True
        while self._waiting and is_ready and self._write.acquire(blocking=False):
            try:
                self._say_waiting(socket.MSG_DONTWAIT)
            except OSError:  # it takes nothing; or it is over, as the receiving thread finds out
                is_ready = False
            finally:
                self._write.release()

    def _say_waiting(self, flags: int = 0) -> socket.socket:
        """For who holds the lock; what is said in part stays first."""
        if self._socket is None:
            raise BrokenPipeError("the connection is over")
        while self._waiting:
            frame = self._waiting[0]
            sent = self._socket.send(frame, flags | socket.MSG_NOSIGNAL)
            if sent < len(frame):
                self._waiting[0] = frame[sent:]
            else:
                self._waiting.popleft()
        return self._socket
