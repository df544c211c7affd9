"""One call each: a lane's frames, both ways, on a stream of an HTTP/2 connection."""

from __future__ import annotations

from abc import ABC, abstractmethod

import structlog

from rtmesh.common.errors import InvalidArgumentError, RtmeshError, UnavailableError, UnimplementedError
from rtmesh.common.status_codes import CANCELLED, error_of_status, number_of
from rtmesh.common.time_slice import SHORTEST_US, set_time_slice
from rtmesh.relay import http2_frames as frames
from rtmesh.relay.http2_frames import Headers
from rtmesh.relay.http2_link import Link
from rtmesh.relay.threads import start_thread
from rtmesh.relay.wire import EXCHANGE, Accept, Stream


class Call(ABC):
    """What both sides have in common; what comes is told by the connection's receiving thread.

    Args:
        number: of the HTTP/2 stream.
    """

    def __init__(self, link: Link, number: int) -> None:
        self.number = number
        # What the other side's window of this stream lets it send, and what it has sent.
        self.granted = self.used = 0
        self.is_known = False  # to the other side
        self.is_over = False
        self._link = link
        self._stream: Stream | None = None

    @abstractmethod
    def take(self, message: bytes) -> None:
        """A message came."""

    @abstractmethod
    def take_headers(self, headers: Headers, *, is_last: bool) -> None:
        """Headers came; `is_last`: the other side says no more."""

    @abstractmethod
    def no_more(self) -> None:
        """The other side says no more, behind a message."""

    def cut(self, reason: RtmeshError) -> None:
        """Nothing comes or goes any more."""
        self.is_over = True
        if self._stream is not None:
            self._stream.over(reason)

    # the sending thread

    def begin_sending(self) -> None:
        """Send what the stream has to say.

        Raises:
            UnavailableError: there can be no thread for it.
        """
        start_thread("send", self._send_all)

    def _send_all(self) -> None:
        assert self._stream is not None
        set_time_slice(SHORTEST_US)  # see tuning
        try:
            for frame in self._stream.frames():
                if not self._send(frame):
                    return  # the connection's receiving thread tells all its calls, this one too
        except Exception as error:  # ours: told, and begun anew
            structlog.get_logger().exception("sending fails")
            self._stream.over(UnavailableError(str(error)))
        self._say_why(self._stream.reason)

    def _send(self, frame: bytes) -> bool:
        """Whether the connection took it; if not, it is over."""
        try:
            self._link.send(self, frame)
        except OSError as error:
            self._link.shut(UnavailableError(f"it takes nothing ({error.strerror or error})"))
            return False
        return True

    @abstractmethod
    def _say_why(self, reason: RtmeshError | None) -> None:
        """The lane is over here."""


class DialledCall(Call):
    """A call that begins here; it is over with its status."""

    def __init__(self, link: Link, number: int, stream: Stream) -> None:
        super().__init__(link, number)
        self._stream: Stream = stream

    def begin(self, authority: str) -> None:
        """Ask for it; what is sent goes behind that.

        Raises:
            UnavailableError: there can be no thread for it.
        """
        if self._link.ask(self, frames.request(authority)):
            self.begin_sending()

    def cancel(self) -> None:
        """End it; nothing if it is over."""
        self.is_over = True
        if self._link.forget(self):
            self._link.say(frames.reset(self.number, frames.CANCEL))

    def take(self, message: bytes) -> None:
        """See Call."""
        self._stream.take(message)

    def take_headers(self, headers: Headers, *, is_last: bool) -> None:
        """See Call."""
        answer = headers.get(":status", "200")
        if is_last:
            self._link.forget(self)
            self.cut(error_of_status(*frames.status_of(headers)))
        elif answer != "200":
            self.cancel()
            self.cut(UnavailableError(f"it answers with the status {answer} of HTTP"))

    def no_more(self) -> None:
        """See Call."""
        self._link.forget(self)
        self.cut(UnavailableError("it ended the call without a status"))

    def _say_why(self, reason: RtmeshError | None) -> None:
        """A call that was cancelled hears nothing more."""
        self.cancel()
        self._stream.over(reason or error_of_status(CANCELLED, "the lane is over"))


class AcceptedCall(Call):
    """A call that another relay has begun; it is over once it is ended, by either side."""

    def __init__(self, link: Link, number: int, accept: Accept) -> None:
        super().__init__(link, number)
        self._accept = accept

    def begin(self, headers: Headers, *, is_last: bool) -> None:
        """Answer those that ask for it."""
        if headers.get(":path") != EXCHANGE:
            self._end(UnimplementedError("there is only Exchange here"), first=frames.response())
            return
        self._link.say_headers(self.number, frames.response(), is_last=False)
        if is_last:
            self.no_more()

    def take(self, message: bytes) -> None:
        """See Call."""
        if self._stream is not None:
            self._stream.take(message)
            return
        try:
            self._stream = self._accept(message, _nothing)
            self.begin_sending()
        except RtmeshError as error:
            self._end(error)
            if self._stream is not None:
                self._stream.over(error)

    def take_headers(self, headers: Headers, *, is_last: bool) -> None:
        """See Call; trailers of a request say nothing."""
        if is_last:
            self.no_more()

    def no_more(self) -> None:
        """See Call."""
        if self._stream is None:
            self._end(InvalidArgumentError("no frame came"))
        else:
            self._stream.over(UnavailableError("it closed the connection"))

    def _say_why(self, reason: RtmeshError | None) -> None:
        self._end(reason or UnavailableError("the call is over"))

    def _end(self, error: RtmeshError, first: list[tuple[str, str]] | None = None) -> None:
        self.is_over = True
        if not self._link.forget(self):
            return
        status = frames.status(number_of(error), str(error))
        self._link.say_headers(self.number, (first or []) + status, is_last=True)
        # That it may still say something: the other side need not, either.
        self._link.say(frames.reset(self.number, frames.NO_ERROR))


def _nothing() -> None:
    """A lane that is over is ended by its sending thread."""
