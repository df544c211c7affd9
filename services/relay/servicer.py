"""The two services of a relay, translated; nothing is decided here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc

from rtmesh.common.errors import RtmeshError
from rtmesh.common.status_codes import abort_with
from rtmesh.relay.carrier import Carrier
from rtmesh.relay.links import LinkBoard
from rtmesh.relay.pull import Pull
from rtmesh.v1 import relay_pb2, relay_pb2_grpc


class Relay:
    """rtmesh.v1.Relay, on the data address."""

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier

    async def pull(
        self, requests: AsyncIterator[relay_pb2.PullRequest], context: grpc.aio.ServicerContext
    ) -> None:
        """Pull; responses are bytes already."""
        try:
            opening = await anext(requests)
            async with self._carrier.egress(opening.run, opening.edge).pull(opening) as pull:
                await context.send_initial_metadata(())
                await _serve(pull, requests, context)
        except RtmeshError as error:
            await abort_with(context, error)


async def _serve(
    pull: Pull, requests: AsyncIterator[relay_pb2.PullRequest], context: grpc.aio.ServicerContext
) -> None:
    granting = asyncio.create_task(_follow(pull, requests))
    try:
        async for frame in pull.frames():
            await context.write(frame)
    finally:
        granting.cancel()
        await asyncio.wait([granting])


async def _follow(pull: Pull, requests: AsyncIterator[relay_pb2.PullRequest]) -> None:
    async for request in requests:
        pull.grant(request)


def add_relay(server: grpc.aio.Server, carrier: Carrier) -> None:
    """Serve rtmesh.v1.Relay, with responses that are not serialized a second time."""
    pull = grpc.stream_stream_rpc_method_handler(
        Relay(carrier).pull, request_deserializer=relay_pb2.PullRequest.FromString
    )
    handler = grpc.method_handlers_generic_handler("rtmesh.v1.Relay", {"Pull": pull})
    server.add_generic_rpc_handlers((handler,))


class RelayControl(relay_pb2_grpc.RelayControlServicer):
    """rtmesh.v1.RelayControl, on the control address."""

    def __init__(self, carrier: Carrier, links: LinkBoard) -> None:
        self._carrier = carrier
        self._links = links

    async def Carry(  # noqa: N802
        self, request: relay_pb2.CarryRequest, context: grpc.aio.ServicerContext
    ) -> relay_pb2.CarryResponse:
        try:
            await self._carrier.carry(request)
        except RtmeshError as error:
            await abort_with(context, error)
        return relay_pb2.CarryResponse()

    async def Release(
        self, request: relay_pb2.ReleaseRequest, context: grpc.aio.ServicerContext
    ) -> relay_pb2.ReleaseResponse:
        await self._carrier.release(request.run)
        return relay_pb2.ReleaseResponse()

    async def Watch(
        self, request: relay_pb2.WatchRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[relay_pb2.WatchResponse]:
        async for state in self._links.watch():
            yield state
