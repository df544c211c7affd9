"""grpc.aio on uvloop."""

from __future__ import annotations

import asyncio

import uvloop

from bench.net.systems.grpc_aio import AioSystem

# Before the process begins its loop; the harness, which loads this as well, has none.
asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


class UvloopSystem(AioSystem):
    """The same as grpc_aio on another loop."""

    name = "bare grpc.aio, uvloop"
    distributions = ("grpcio", "uvloop")


SYSTEM = UvloopSystem()
