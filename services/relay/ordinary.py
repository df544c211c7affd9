"""The wire by the library grpc: two threads more, and two wakes more a frame, than in `http2`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc

from rtmesh.common.errors import RtmeshError, UnavailableError
from rtmesh.common.serving import CHANNEL_OPTIONS, SERVER_OPTIONS
from rtmesh.common.status_codes import abort_now, from_rpc_error
from rtmesh.relay.threads import start_thread
from rtmesh.relay.wire import EXCHANGE, Accept, Stream

# A lane that another machine dials keeps a thread as long as it lasts.
_MOST_LANES = 1024
# How long the other side may take to hear why a lane ended.
_SAY_WHY_S = 1.0


class OrdinaryConnection:
    """A grpc.Channel."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address, options=CHANNEL_OPTIONS)

    def call(self, stream: Stream) -> Callable[[], object]:
        """See wire.Connection."""
        try:
            call = self._channel.stream_stream(EXCHANGE)(stream.frames())
        except ValueError as error:
            raise UnavailableError(str(error)) from error
        try:
            start_thread("receive", _receive, stream, call)
        except UnavailableError:
            call.cancel()
            raise
        return call.cancel  # type: ignore[no-any-return]

    def close(self) -> None:
        """See wire.Connection."""
        self._channel.close()


class OrdinaryListener:
    """A grpc.Server whose frames are not serialized a second time."""

    def __init__(self, accept: Accept) -> None:
        self._accept = accept
        self._server = grpc.server(ThreadPoolExecutor(_MOST_LANES, "lane"), options=SERVER_OPTIONS)
        exchange = grpc.stream_stream_rpc_method_handler(self._exchange)
        service, method = EXCHANGE[1:].split("/")
        handler = grpc.method_handlers_generic_handler(service, {method: exchange})
        self._server.add_generic_rpc_handlers((handler,))

    def add_insecure_port(self, address: str) -> int:
        """See wire.Listener."""
        return self._server.add_insecure_port(address)

    def start(self) -> None:
        """See wire.Listener."""
        self._server.start()

    def stop(self, grace_s: float) -> None:
        """See wire.Listener."""
        self._server.stop(grace_s).wait()

    def _exchange(self, frames: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        """This thread sends, another receives."""
        try:
            stream = self._accept(next(frames, b""), lambda: _cancel_later(context))
            start_thread("receive", _receive, stream, frames)
        except RtmeshError as error:
            abort_now(context, error)
        yield from stream.frames()
        if stream.reason is not None:
            abort_now(context, stream.reason)


class OrdinaryWire:
    """See wire.Wire."""

    def connect(self, address: str) -> OrdinaryConnection:
        """See wire.Wire."""
        return OrdinaryConnection(address)

    def listen(self, accept: Accept) -> OrdinaryListener:
        """See wire.Wire."""
        return OrdinaryListener(accept)


def _receive(stream: Stream, frames: Iterator[bytes]) -> None:
    reason: RtmeshError = UnavailableError("it closed the connection")
    try:
        for frame in frames:
            stream.take(frame)
    except grpc.RpcError as error:
        if isinstance(error, grpc.Call):  # a server is not told more
            reason = from_rpc_error(error)
    stream.over(reason)


def _cancel_later(context: grpc.ServicerContext) -> None:
    """Where a lane ends its thread says why; but it may be held up by a connection that takes nothing."""
    timer = threading.Timer(_SAY_WHY_S, context.cancel)
    timer.daemon = True
    context.add_callback(timer.cancel)
    timer.start()
