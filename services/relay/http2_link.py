"""One connection to another relay, with HTTP/2 on it: its calls, and the thread that receives for them."""

from __future__ import annotations

import contextlib
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog
from hpack import HPACKError
from hyperframe import frame as hyperframe
from hyperframe.exceptions import HyperframeError

from rtmesh.common.errors import RtmeshError, UnavailableError
from rtmesh.relay import http2_frames as frames
from rtmesh.relay._http2 import Receiver
from rtmesh.relay.http2_outlet import Outlet
from rtmesh.relay.threads import start_thread

if TYPE_CHECKING:
    from rtmesh.relay.http2_calls import Call

# Longer than any frame of a lane: 4 MiB of one message, or 256 KiB and one.
_MOST_MESSAGE_BYTES = 64 << 20


class Link(ABC):
    """A connection; it ends by itself, by `shut`, or when the other side ends it.

    Calls are told of its end by the receiving thread.
    """

    def __init__(self) -> None:
        self.reason: RtmeshError | None = None  # why it is over
        self.is_leaving = False  # the other side takes no new call
        self._shut_for: RtmeshError | None = None
        self._outlet = Outlet()
        self._socket: socket.socket | None = None
        self._receiver: Receiver | None = None
        self._coder = frames.HeaderCoder()
        self._lock = threading.Lock()  # of which calls there are, and of the order of headers
        self._calls: dict[int, Call] = {}
        self._first_window = frames.FIRST_WINDOW
        self._block: tuple[hyperframe.HeadersFrame, bytes] | None = None  # headers that are to be continued
        self._log = structlog.get_logger()
        self._takers: dict[type, Callable[[Any], object]] = {
            hyperframe.HeadersFrame: lambda frame: self._take_block(frame, frame.data),
            hyperframe.SettingsFrame: self._take_settings,
            hyperframe.PingFrame: self._take_ping,
            hyperframe.WindowUpdateFrame: self._take_window,
            hyperframe.RstStreamFrame: self._take_reset,
            hyperframe.GoAwayFrame: self._take_leave,
            hyperframe.PushPromiseFrame: _refuse_push,
        }

    # any thread

    def shut(self, why: RtmeshError) -> None:
        """Break the connection; the receiving thread does the rest."""
        self._shut_for = self._shut_for or why
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it is over, or was never there
                self._socket.shutdown(socket.SHUT_RDWR)

    def say(self, frame: hyperframe.Frame) -> None:
        """Send a frame that is no message, before the next one; nothing if the connection is over."""
        self._outlet.say(frame.serialize())

    def say_headers(self, number: int, headers: list[tuple[str, str]], *, is_last: bool) -> None:
        """The same of headers."""
        with self._lock:
            self._outlet.say(self._coder.frame(number, headers, is_last=is_last))

    def send(self, call: Call, message: bytes) -> None:
        """Send a message; raises OSError if the connection is over, or takes nothing."""
        self._outlet.send(call, message)

    def ask(self, call: Call, headers: list[tuple[str, str]]) -> bool:
        """Begin a call of ours with these; False if it was forgotten meanwhile."""
        with self._lock:
            if self._calls.get(call.number) is not call:
                return False
            self._want(call)
            self._outlet.say(self._coder.frame(call.number, headers, is_last=False))
        return True

    def forget(self, call: Call) -> bool:
        """Pass over what still comes for a call; whether the other side may wait for more of it."""
        with self._lock:
            is_ours = self._calls.pop(call.number, None) is not None
        if self._receiver is not None:
            self._receiver.forget(call.number)
        return is_ours and call.is_known

    def _want(self, call: Call) -> None:
        """For who holds the lock."""
        assert self._receiver is not None
        self._receiver.want(call.number)
        call.granted = self._first_window
        call.is_known = True

    def begin(self) -> None:
        """Receive from now on, in a thread of its own; raises UnavailableError if there can be none."""
        start_thread("receive", self._run)

    # the receiving thread

    def _run(self) -> None:
        reason: RtmeshError = UnavailableError("it closed the connection")
        try:
            self._socket = made = self._open()
            self._receiver = Receiver(made.fileno(), _MOST_MESSAGE_BYTES)
            self._outlet.open(made)
            self._opened()
            self._receive(self._receiver)
        except UnavailableError as error:
            reason = error
        except OSError as error:
            reason = UnavailableError(error.strerror or str(error))
        except (ValueError, HPACKError, HyperframeError) as error:
            reason = UnavailableError(f"the other side is at fault: {error}")
            self._log.warning("what comes on a connection is wrong", error=str(error))
            self.say(frames.going_away(0, frames.PROTOCOL_ERROR, str(error)))
        except Exception as error:
            self._log.exception("receiving fails")
            reason = UnavailableError(str(error))
        self._end(self._shut_for or reason)

    @abstractmethod
    def _open(self) -> socket.socket:
        """The socket, when the other side may be spoken to.

        Raises:
            UnavailableError, OSError, ValueError: there is nobody, or nobody who speaks HTTP/2.
        """

    @abstractmethod
    def _opened(self) -> None:
        """The other side may be spoken to."""

    def _receive(self, receiver: Receiver) -> None:
        while (event := receiver.next()) is not None:
            if isinstance(event, bytes):
                self._take(frames.parse(event))
                continue
            number, what = event
            call = self._calls.get(number)
            if isinstance(what, int):
                self.say(hyperframe.WindowUpdateFrame(number, window_increment=what))
            elif call is not None and what is not None:
                call.take(what)
            elif call is not None:
                call.no_more()

    def _end(self, reason: RtmeshError) -> None:
        self.shut(reason)
        self._outlet.close()  # nobody writes to a number that may be another socket's from now on
        if self._socket is not None:
            self._socket.close()
        with self._lock:
            self.reason = reason
            calls, self._calls = list(self._calls.values()), {}
        for call in calls:
            call.cut(reason)

    def _take(self, frame: hyperframe.Frame) -> None:
        self._outlet.check()
        if self._block is not None or isinstance(frame, hyperframe.ContinuationFrame):
            self._continue(frame)
        elif type(frame) in self._takers:
            self._takers[type(frame)](frame)

    def _continue(self, frame: hyperframe.Frame) -> None:
        if self._block is None or not isinstance(frame, hyperframe.ContinuationFrame):
            raise ValueError("headers are not continued where they should be")
        first, block = self._block
        if frame.stream_id != first.stream_id or len(block) + len(frame.data) > frames.MOST_HEADER_BYTES:
            raise ValueError("headers are continued on another stream, or are too long")
        self._block = None
        if "END_HEADERS" in frame.flags:
            first.flags.add("END_HEADERS")
        self._take_block(first, block + frame.data)

    def _take_block(self, first: hyperframe.HeadersFrame, block: bytes) -> None:
        if "END_HEADERS" not in first.flags:
            self._block = first, block
            return
        headers = self._coder.decode(block)
        is_last = "END_STREAM" in first.flags
        call = self._calls.get(first.stream_id)
        if call is not None:
            call.take_headers(headers, is_last=is_last)
        else:
            self._take_new(first.stream_id, headers, is_last=is_last)

    @abstractmethod
    def _take_new(self, number: int, headers: frames.Headers, *, is_last: bool) -> None:
        """Headers came of a stream that is not known: a new one, or one that is over."""

    def _take_settings(self, frame: hyperframe.SettingsFrame) -> None:
        if "ACK" in frame.flags:
            return
        settings = frame.settings
        longest = settings.get(frame.MAX_FRAME_SIZE, self._outlet.most_frame_bytes)
        if not frames.FIRST_FRAME_BYTES <= longest <= frames.LONGEST_FRAME_BYTES:
            raise ValueError(f"it wants frames of {longest} bytes")
        self._outlet.most_frame_bytes = longest
        with self._lock:
            if frame.HEADER_TABLE_SIZE in settings:
                self._coder.set_table_size(settings[frame.HEADER_TABLE_SIZE])
            before = self._first_window
            self._first_window = settings.get(frame.INITIAL_WINDOW_SIZE, before)
            for call in self._calls.values():
                call.granted += self._first_window - before
        self._outlet.grant(0)
        self.say(hyperframe.SettingsFrame(0, flags=["ACK"]))

    def _take_ping(self, frame: hyperframe.PingFrame) -> None:
        if "ACK" not in frame.flags:
            self.say(hyperframe.PingFrame(0, frame.opaque_data, flags=["ACK"]))

    def _take_window(self, frame: hyperframe.WindowUpdateFrame) -> None:
        if frame.stream_id == 0:
            self._outlet.grant(frame.window_increment)
            return
        with self._lock:
            call = self._calls.get(frame.stream_id)
            if call is not None:
                call.granted += frame.window_increment
        self._outlet.grant(0)

    def _take_reset(self, frame: hyperframe.RstStreamFrame) -> None:
        call = self._calls.get(frame.stream_id)
        if call is not None:
            self.forget(call)
            call.cut(UnavailableError("it ended the call"))

    def _take_leave(self, frame: hyperframe.GoAwayFrame) -> None:
        self.is_leaving = True
        with self._lock:
            untaken = [call for number, call in self._calls.items() if number > frame.last_stream_id]
        for call in untaken:
            self.forget(call)
            call.cut(UnavailableError("it takes no more calls"))


def _refuse_push(frame: hyperframe.Frame) -> None:
    raise ValueError("it pushes, which it was asked not to")
