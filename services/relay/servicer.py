"""The two services of a relay, translated; nothing is decided here."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import grpc

from rtmesh.common.errors import InvalidArgumentError, RtmeshError
from rtmesh.common.status_codes import abort_now
from rtmesh.relay.carrier import Carrier
from rtmesh.relay.links import LinkBoard
from rtmesh.relay.stream import LaneStream
from rtmesh.v1 import relay_pb2, relay_pb2_grpc


class Relay:
    """rtmesh.v1.Relay, on the data address."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    def accept(self, hello: bytes, cancel: Callable[[], object]) -> LaneStream:
        """Exchange: the first frame of a lane that another machine dials.

        Raises:
            InvalidArgumentError: it is none.
        """
        first = _hello_of(hello)
        return self._carrier.far_machine(first.machine, dials=True).accept(first.lane, cancel)


def _hello_of(frame: bytes) -> relay_pb2.LaneHello:
    try:
        hello = relay_pb2.Frame.FromString(frame).hello
    except Exception as error:
        raise InvalidArgumentError("the first frame is none") from error
    if not hello.machine:
        raise InvalidArgumentError("the first frame does not say which machine this is")
    return hello


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
