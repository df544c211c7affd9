"""Output ports as rpcs: the client sends Credit and gets messages as they lie in the ring."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
from google.protobuf.message import DecodeError

from rtmesh.common.errors import InvalidArgumentError
from rtmesh.node.service_taps import OutputTap, Subscription
from rtmesh.v1 import stream_pb2


class OutputPort:
    """One output for outside clients. They never slow the graph: gaps show in Header.sequence."""

    def __init__(self, tap: OutputTap) -> None:
        self._tap = tap

    async def serve(self, credits: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> None:
        """Serve as many messages as are granted, from now on.

        The initial metadata goes out when the ring is tapped: what is published later is seen. Ends when
        the stream has ended, or when the client has half-closed and has got all that it granted.
        """
        with self._tap.subscribe() as subscription:
            await context.send_initial_metadata(())
            granting = asyncio.create_task(_take_credits(credits, subscription))
            try:
                while (message := await subscription.next()) is not None:
                    await context.write(message)
            finally:
                granting.cancel()


async def _take_credits(credits: AsyncIterator[bytes], subscription: Subscription) -> None:
    try:
        async for data in credits:
            subscription.grant(stream_pb2.Credit.FromString(data).messages)
        subscription.no_more_credit()
    except DecodeError as error:
        subscription.end(InvalidArgumentError(f"not a rtmesh.v1.Credit: {error}"))
