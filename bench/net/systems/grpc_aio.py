"""grpc.aio: a stream of bytes in asyncio."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc

from bench.net.systems.grpc_common import METHOD, OPTIONS, GrpcSystem, add_exchange
from bench.ring.endpoint import CONNECT_S, AsyncEndpoint, Message, Seat


class AioEndpoint(AsyncEndpoint):
    """Either end of the call: both have `read` and `write`."""

    def __init__(self, call: Any, owner: Any) -> None:
        self._call, self._owner = call, owner

    async def send(self, message: Message) -> None:
        await self._call.write(bytes(message))

    async def receive(self) -> Message | None:
        answer = await self._call.read()
        return None if answer is grpc.aio.EOF else answer

    async def close(self) -> None:
        """The process ends at once."""


class AioSystem(GrpcSystem):
    """The loop is asyncio's own, unless a subclass has set another."""

    name = "bare grpc.aio"
    is_async = True
    setting = "one bidirectional stream of bytes without a serializer, read() and write()"

    async def connect(self, seat: Seat) -> AioEndpoint:
        return await (_serve if seat.is_sender else _dial)(self.address(seat))


async def _serve(address: str) -> AioEndpoint:
    called: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def exchange(_: Any, context: Any) -> None:
        await context.write(b"welcome")
        called.set_result(context)
        await asyncio.Event().wait()

    server = grpc.aio.server(options=OPTIONS)
    add_exchange(server, exchange)
    server.add_insecure_port(address)
    await server.start()
    return AioEndpoint(await asyncio.wait_for(called, CONNECT_S), server)


async def _dial(address: str) -> AioEndpoint:
    channel = grpc.aio.insecure_channel(address, options=OPTIONS)
    call = channel.stream_stream(METHOD)(wait_for_ready=True)
    await asyncio.wait_for(call.read(), CONNECT_S)
    return AioEndpoint(call, channel)


SYSTEM = AioSystem()
