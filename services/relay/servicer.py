"""The two services of a relay, translated; nothing is decided here."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import grpc

from rtmesh.common.errors import InvalidArgumentError, RtmeshError
from rtmesh.common.status_codes import abort_now
from rtmesh.relay.carrier import Carrier
from rtmesh.relay.links import LinkBoard
from rtmesh.v1 import relay_pb2, relay_pb2_grpc

_SAY_WHY_S = 1.0


class Relay:
    """rtmesh.v1.Relay, on the data address."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    def exchange(self, frames: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        """Exchange; frames are bytes both ways. This thread sends, another receives."""
        try:
            hello = _hello_of(next(frames, b""))
        except RtmeshError as error:
            abort_now(context, error)
        far = self._carrier.far_machine(hello.machine, dials=True)
        lane = far.accept(hello.lane, partial(_cancel_later, context))
        threading.Thread(target=far.carry, args=(lane, frames), name="from far", daemon=True).start()
        yield from lane.frames()
        if lane.reason is not None:
            abort_now(context, lane.reason)


def _cancel_later(context: grpc.ServicerContext) -> None:
    """Where a lane ends its thread says why; but it may be held up by a connection that takes nothing."""
    timer = threading.Timer(_SAY_WHY_S, context.cancel)
    timer.daemon = True
    context.add_callback(timer.cancel)
    timer.start()


def _hello_of(frame: bytes) -> relay_pb2.LaneHello:
    try:
        hello = relay_pb2.Frame.FromString(frame).hello
    except Exception as error:
        raise InvalidArgumentError("the first frame is none") from error
    if not hello.machine:
        raise InvalidArgumentError("the first frame does not say which machine this is")
    return hello


def add_relay(server: grpc.Server, carrier: Carrier) -> None:
    """Serve rtmesh.v1.Relay, whose frames are not serialized a second time."""
    exchange = grpc.stream_stream_rpc_method_handler(Relay(carrier).exchange)
    handler = grpc.method_handlers_generic_handler("rtmesh.v1.Relay", {"Exchange": exchange})
    server.add_generic_rpc_handlers((handler,))


class RelayControl(relay_pb2_grpc.RelayControlServicer):
    """rtmesh.v1.RelayControl, on the control address."""

    def __init__(self, carrier: Carrier, links: LinkBoard) -> None:
        self._carrier = carrier
        self._links = links

    def Carry(  # noqa: N802
        self, request: relay_pb2.CarryRequest, context: grpc.ServicerContext
    ) -> relay_pb2.CarryResponse:
        try:
            self._carrier.carry(request)
        except RtmeshError as error:
            abort_now(context, error)
        return relay_pb2.CarryResponse()

    def Release(
        self, request: relay_pb2.ReleaseRequest, context: grpc.ServicerContext
    ) -> relay_pb2.ReleaseResponse:
        self._carrier.release(request.run)
        return relay_pb2.ReleaseResponse()

    def Watch(
        self, request: relay_pb2.WatchRequest, context: grpc.ServicerContext
    ) -> Iterator[relay_pb2.WatchResponse]:
        yield from self._links.watch(context.is_active)
