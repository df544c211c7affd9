"""One call each: a lane's frames, both ways, by the layer of gRPC that `polled` tells of."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import structlog
from grpc._cython import cygrpc

from rtmesh.common.errors import InvalidArgumentError, RtmeshError, UnavailableError, UnimplementedError
from rtmesh.common.status_codes import CANCELLED, SAID, code_of, error_of_status
from rtmesh.common.time_slice import SHORTEST_US, set_time_slice
from rtmesh.relay.wire import EXCHANGE, SAY_WHY_S, Accept, Stream

_NO_FLAGS = 0
_PROPAGATE_DEFAULTS = 0xFFFF
# How often a sending thread that waits for its last frame to be on its way looks whether its lane is over.
_LOOK_S = 0.2

Event = Any  # of cygrpc
Start = Callable[[Any, Any, Callable[[Event], object]], bool]


class _Call:
    """What both sides have in common.

    Args:
        start: begins a batch of one operation on a call, with its tag; False if the call is over.
    """

    def __init__(self, start: Start) -> None:
        self._start = start
        self._call: Any = None
        self._stream: Stream | None = None
        self._sent = threading.Lock()  # free once the last frame is on its way
        self._is_sending = False  # the sending thread holds it

    # the receiving thread

    def _receive(self) -> None:
        self._start(self._call, cygrpc.ReceiveMessageOperation(_NO_FLAGS), self._received)

    def _received(self, event: Event) -> None:
        frame = event.batch_operations[0].message()
        if frame is None:
            self._no_more()
        else:
            self._take(frame)
            self._receive()

    def _take(self, frame: bytes) -> None:
        assert self._stream is not None
        self._stream.take(frame)

    def _no_more(self) -> None:
        """The other side has nothing more to say."""

    def _frame_sent(self, event: Event) -> None:
        self._sent.release()

    # the sending thread

    def begin_sending(self) -> None:
        threading.Thread(target=self._send_all, name="send", daemon=True).start()

    def _send_all(self) -> None:
        assert self._stream is not None
        set_time_slice(SHORTEST_US)  # see tuning
        try:
            for frame in self._stream.frames(self._await_sent):
                self._is_sending = self._sent.acquire(blocking=False)
                if not self._start(
                    self._call, cygrpc.SendMessageOperation(frame, _NO_FLAGS), self._frame_sent
                ):
                    break
        except Exception as error:  # ours: told, and begun anew
            structlog.get_logger().exception("sending fails")
            self._stream.over(UnavailableError(str(error)))
        self._say_why(self._stream.reason)

    def _await_sent(self) -> None:
        """Until the last frame is on its way, or the lane is over."""
        assert self._stream is not None
        while self._is_sending and self._stream.reason is None:
            if self._sent.acquire(timeout=_LOOK_S):
                self._sent.release()
                self._is_sending = False

    def _say_why(self, reason: RtmeshError | None) -> None:
        """The lane is over here."""


class DialledCall(_Call):
    """A call that begins here; it is over with its status.

    Args:
        ended: called with this when it is over.
    """

    def __init__(self, stream: Stream, start: Start, ended: Callable[[DialledCall], object]) -> None:
        super().__init__(start)
        self._stream = stream
        self._ended = ended

    def begin(self, channel: Any) -> int:
        """Returns how many batches are under way then."""
        begun = (
            (cygrpc.SendInitialMetadataOperation((), _NO_FLAGS), _done),
            (cygrpc.ReceiveInitialMetadataOperation(_NO_FLAGS), _done),
            (cygrpc.ReceiveMessageOperation(_NO_FLAGS), self._received),
            (cygrpc.ReceiveStatusOnClientOperation(_NO_FLAGS), self._got_status),
        )
        batches = tuple(((operation,), tag) for operation, tag in begun)
        method = EXCHANGE.encode()
        self._call = channel.integrated_call(_PROPAGATE_DEFAULTS, method, None, None, (), None, batches)
        return len(batches)

    def cancel(self) -> None:
        """End it; nothing if it is over."""
        self._call.cancel(CANCELLED, "the lane is over")

    def _got_status(self, event: Event) -> None:
        assert self._stream is not None
        status = event.batch_operations[0]
        self._ended(self)
        self._stream.over(error_of_status(status.code(), status.details()))


class AcceptedCall(_Call):
    """A call that another relay has begun; it is over once it is closed, by either side."""

    def __init__(self, event: Event, accept: Accept, start: Start) -> None:
        super().__init__(start)
        self._call = event.call
        self._method = event.call_details.method
        self._accept = accept
        self._closed = threading.Event()

    def begin(self) -> None:
        """Receive."""
        self._start(self._call, cygrpc.SendInitialMetadataOperation((), _NO_FLAGS), _done)
        self._start(self._call, cygrpc.ReceiveCloseOnServerOperation(_NO_FLAGS), self._was_closed)
        if self._method == EXCHANGE.encode():
            self._receive()
        else:
            self._end(UnimplementedError("there is only Exchange here"))

    def _take(self, frame: bytes) -> None:
        if self._stream is not None:
            self._stream.take(frame)
            return
        try:
            self._stream = self._accept(frame, _nothing)
        except RtmeshError as error:
            self._end(error)
        else:
            self.begin_sending()

    def _no_more(self) -> None:
        if self._stream is None:
            self._end(InvalidArgumentError("no frame came"))
        else:
            self._stream.over(UnavailableError("it closed the connection"))

    def _was_closed(self, event: Event) -> None:
        self._closed.set()
        if self._stream is not None:
            self._stream.over(UnavailableError("it closed the connection"))

    def _say_why(self, reason: RtmeshError | None) -> None:
        self._end(reason or UnavailableError("the call is over"))
        if not self._closed.wait(SAY_WHY_S):
            self._call.cancel()  # the connection takes nothing

    def _end(self, error: RtmeshError) -> None:
        code = code_of(error).value[0]
        status = cygrpc.SendStatusFromServerOperation(SAID, code, str(error), _NO_FLAGS)
        self._start(self._call, status, _done)


def _done(event: Event) -> None:
    """The tag of what nobody waits for."""


def _nothing() -> None:
    """A lane that is over is ended by its sending thread."""
