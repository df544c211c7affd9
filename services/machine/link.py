"""The stream to the scheduler: dialled, kept, dialled again. Reports out, orders in."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

import grpc
import structlog

from rtmesh.common.serving import CHANNEL_OPTIONS
from rtmesh.v1 import machine_pb2, machine_pb2_grpc

FIRST_BACKOFF_S = 0.2
MOST_BACKOFF_S = 5.0
# Accounts are told again soon: they are left out while the stream cannot keep up.
MOST_WAITING = 200

log = structlog.get_logger()


class Link:
    """The stream to one scheduler.

    Args:
        hello: makes the first report of each stream.
        current: everything there is to tell a scheduler that knows nothing, after Hello.
        on_order: called with each order.
    """

    def __init__(
        self,
        address: str,
        hello: Callable[[], machine_pb2.Hello],
        current: Callable[[], Iterable[machine_pb2.JoinRequest]],
        on_order: Callable[[machine_pb2.JoinResponse], None],
    ) -> None:
        self._address = address
        self._hello = hello
        self._current = current
        self._on_order = on_order
        self._waiting: deque[machine_pb2.JoinRequest] = deque()
        self._has_more = asyncio.Event()
        self._is_empty = asyncio.Event()
        self._is_empty.set()
        self._is_joined = False
        self._is_leaving = False
        self._has_left = asyncio.Event()
        self._call: grpc.aio.StreamStreamCall | None = None  # the stream, from Welcome to its end

    def report(self, report: machine_pb2.JoinRequest) -> None:
        """Tell the scheduler. While it is away only the end of a run is kept for it."""
        kind = report.WhichOneof("report")
        if kind == "accounts" and len(self._waiting) > MOST_WAITING:
            return
        if self._is_joined or kind == "ended":
            self._waiting.append(report)
            self._has_more.set()
            self._is_empty.clear()

    async def leave(self, timeout_s: float) -> None:
        """Hand over what waits and end the stream in order; not for longer than the time given."""
        self._is_leaving = True
        try:
            async with asyncio.timeout(timeout_s):
                if self._call is not None:
                    await self._is_empty.wait()
                    await self._call.done_writing()
                    await self._has_left.wait()
        except (TimeoutError, asyncio.InvalidStateError, grpc.aio.AioRpcError):
            log.warning("the scheduler did not take the last reports", scheduler=self._address)

    async def keep(self) -> None:
        """Join, and join again whenever the stream ends; until `leave`, or until cancelled."""
        backoff_s = FIRST_BACKOFF_S
        while not self._is_leaving:
            was_joined = await self._join()
            backoff_s = FIRST_BACKOFF_S if was_joined else min(backoff_s * 2, MOST_BACKOFF_S)
            await asyncio.sleep(backoff_s)

    async def _join(self) -> bool:
        """One stream, from Hello to its end; whether it came to be."""
        # A channel of its own: one that saw the last stream fail waits before it tries again.
        async with grpc.aio.insecure_channel(self._address, options=CHANNEL_OPTIONS) as channel:
            call = machine_pb2_grpc.MachinesStub(channel).Join()
            try:
                await call.write(machine_pb2.JoinRequest(hello=self._hello()))
                return await self._converse(call)
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                code, details = await call.code(), await call.details()
                log.warning("not joined", scheduler=self._address, code=code.name, details=details)
        return False

    async def _converse(self, call: grpc.aio.StreamStreamCall) -> bool:
        """From the scheduler's Welcome to the end of the stream; whether there was a Welcome."""
        sender: asyncio.Task[None] | None = None
        try:
            async for order in call:
                self._on_order(order)
                if sender is None:
                    self._welcomed(call)
                    sender = asyncio.get_running_loop().create_task(self._send(call))
            log.info("the stream ended", scheduler=self._address)
        except grpc.aio.AioRpcError as error:
            log.warning(
                "stream cut", scheduler=self._address, code=error.code().name, details=error.details()
            )
        finally:
            self._left()
            if sender is not None:
                sender.cancel()
        return sender is not None

    def _welcomed(self, call: grpc.aio.StreamStreamCall) -> None:
        log.info("joined", scheduler=self._address)
        self._call = call
        self._is_joined = True
        self._has_more.set()
        for report in self._current():
            self.report(report)

    def _left(self) -> None:
        self._is_joined = False
        self._call = None
        self._has_left.set()
        self._waiting = deque(report for report in self._waiting if report.WhichOneof("report") == "ended")

    async def _send(self, call: grpc.aio.StreamStreamCall) -> None:
        """Hand what waits to the stream. What fails here ends the stream, which the other direction tells."""
        while True:
            await self._has_more.wait()
            while self._waiting:
                try:
                    await call.write(self._waiting[0])
                except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                    return
                self._waiting.popleft()
            self._is_empty.set()
            self._has_more.clear()
