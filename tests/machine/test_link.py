"""The stream to the scheduler is left in order, also when it ends just then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from rtmesh.machine.link import Link
from rtmesh.v1 import machine_pb2

BOUND_S = 10.0


class Call:
    """A stream that is welcomed, takes reports only when it may, and ends when it is told to."""

    def __init__(self) -> None:
        self.takes = asyncio.Event()
        self.ends = asyncio.Event()
        self.welcomed = asyncio.Event()
        self.is_done_writing = asyncio.Event()
        self.fails_with: Exception | None = None

    async def __aiter__(self) -> AsyncIterator[machine_pb2.JoinResponse]:
        yield machine_pb2.JoinResponse()
        self.welcomed.set()
        await self.ends.wait()

    async def write(self, report: machine_pb2.JoinRequest) -> None:
        await self.takes.wait()

    async def done_writing(self) -> None:
        self.is_done_writing.set()
        if self.fails_with is not None:
            raise self.fails_with


async def nothing(channel: object) -> None:
    pass


def make_link() -> Link:
    return Link("nowhere", machine_pb2.Hello, lambda: [], lambda order: None, lambda: None, nothing)


async def joined(link: Link, call: Call) -> asyncio.Task[None]:
    conversing = asyncio.create_task(link._converse(None, call))
    await call.welcomed.wait()
    return conversing


def test_a_stream_that_ends_while_it_is_left_is_no_error() -> None:
    async def leave() -> None:
        link, call = make_link(), Call()
        conversing = await joined(link, call)
        link.outbox.put(machine_pb2.JoinRequest())
        leaving = asyncio.create_task(link.leave(BOUND_S))
        await asyncio.sleep(0)  # it waits for the report to be taken

        call.ends.set()

        await conversing
        await leaving

    asyncio.run(asyncio.wait_for(leave(), BOUND_S))


def test_a_stream_that_breaks_while_it_is_left_is_no_error() -> None:
    """Those that gRPC's core raises then have no public name, and no common base but Exception."""

    async def leave() -> None:
        link, call = make_link(), Call()
        conversing = await joined(link, call)
        call.fails_with = Exception("Failed grpc_call_start_batch")

        await link.leave(BOUND_S)

        call.ends.set()
        await conversing

    asyncio.run(asyncio.wait_for(leave(), BOUND_S))


def test_the_end_of_an_earlier_stream_is_not_taken_for_that_of_the_last() -> None:
    async def leave() -> None:
        link, first, last = make_link(), Call(), Call()
        conversing = await joined(link, first)
        first.ends.set()
        await conversing
        conversing = await joined(link, last)
        last.takes.set()
        leaving = asyncio.create_task(link.leave(BOUND_S))
        await last.is_done_writing.wait()

        done, _ = await asyncio.wait([leaving], timeout=0.1)
        assert not done

        last.ends.set()
        await leaving
        await conversing

    asyncio.run(asyncio.wait_for(leave(), BOUND_S))
