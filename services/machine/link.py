"""The stream to the scheduler: dialled, kept, dialled again. Reports out, orders in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import grpc

from rtmesh.common import heartbeat
from rtmesh.common.errors import AlreadyExistsError, InvalidArgumentError, RtmeshError, UnimplementedError
from rtmesh.common.logs import get_logger
from rtmesh.common.serving import CHANNEL_OPTIONS
from rtmesh.common.status_codes import from_rpc_error
from rtmesh.machine.outbox import Outbox
from rtmesh.v1 import machine_pb2, machine_pb2_grpc

FIRST_BACKOFF_S = 0.2
# Short enough that the status is right within seconds of a scheduler's return.
MOST_BACKOFF_S = 1.0
# A stream that was cut is noticed by the scheduler within 3 s: a name still taken after that is taken.
NAME_FREED_WITHIN_S = 6.0
# Trying again changes nothing about these.
REFUSALS = (AlreadyExistsError, InvalidArgumentError, UnimplementedError)

log = get_logger()


class Link:
    """The stream to one scheduler.

    Args:
        hello: makes the first report of each stream.
        current: everything there is to tell a scheduler that knows nothing, after Hello.
        on_order: called with each order.
        on_cut: called when a stream has ended.
        beside: what runs on the same channel while a stream is up; cancelled with it.
    """

    def __init__(
        self,
        address: str,
        hello: Callable[[], machine_pb2.Hello],
        current: Callable[[], Iterable[machine_pb2.JoinRequest]],
        on_order: Callable[[machine_pb2.JoinResponse], None],
        on_cut: Callable[[], None],
        beside: Callable[[grpc.aio.Channel], Coroutine[Any, Any, None]],
    ) -> None:
        self._address = address
        self._hello = hello
        self._current = current
        self._on_order = on_order
        self._on_cut = on_cut
        self._beside = beside
        self.outbox = Outbox()
        self._was_ever_joined = False
        self._refused_since_s: float | None = None
        self._told: type[RtmeshError] | None = None  # of an outage, its reason is told once
        self._is_leaving = False
        self._has_left = asyncio.Event()
        self._call: grpc.aio.StreamStreamCall | None = None  # the stream, from Welcome to its end

    async def leave(self, timeout_s: float) -> None:
        """Hand over what waits and end the stream in order; not for longer than the time given."""
        self._is_leaving = True
        try:
            async with asyncio.timeout(timeout_s):
                call = self._call
                if call is not None:
                    await self.outbox.until_empty()
                    await call.done_writing()  # nothing if it has ended meanwhile
                    await self._has_left.wait()
        except (
            Exception
        ) as error:  # done_writing also raises errors of gRPC's core, which have no public name
            why = repr(error)
            log.warning("the scheduler did not take the last reports", scheduler=self._address, why=why)

    async def keep(self) -> None:
        """Join, and join again whenever the stream ends; until `leave`, or until cancelled.

        Raises:
            RtmeshError: the scheduler refuses this machine, which has never been joined.
        """
        backoff_s = FIRST_BACKOFF_S
        while not self._is_leaving:
            try:
                await self._join()
                backoff_s = FIRST_BACKOFF_S
            except RtmeshError as error:
                self._not_joined(error)
                backoff_s = min(backoff_s * 2, MOST_BACKOFF_S)
            await asyncio.sleep(backoff_s)

    def _not_joined(self, error: RtmeshError) -> None:
        """Tell why; raise if trying again is of no use."""
        if type(error) is not self._told:
            log.warning(f"not joined; {self._what_next(error)}", scheduler=self._address, why=str(error))
            self._told = type(error)
        if not isinstance(error, REFUSALS) or self._was_ever_joined:
            self._refused_since_s = None
            return
        now_s = time.monotonic()
        self._refused_since_s = self._refused_since_s or now_s
        # The name may be that of this machine's last meshd, whose end the scheduler has yet to notice.
        if not isinstance(error, AlreadyExistsError) or now_s - self._refused_since_s > NAME_FREED_WITHIN_S:
            raise error

    def _what_next(self, error: RtmeshError) -> str:
        if not isinstance(error, REFUSALS) or self._was_ever_joined:
            return "trying again until it works"
        if isinstance(error, AlreadyExistsError):
            return f"trying again for {NAME_FREED_WITHIN_S:g} s, as that one may have ended just now"
        return "giving up"

    async def _join(self) -> None:
        """One stream, from Hello to its end. Raises RtmeshError: it did not come to be."""
        # A channel of its own: one that saw the last stream fail waits before it tries again.
        async with grpc.aio.insecure_channel(self._address, options=CHANNEL_OPTIONS) as channel:
            call = machine_pb2_grpc.MachinesStub(channel).Join()
            try:
                await call.write(machine_pb2.JoinRequest(hello=self._hello()))
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                pass  # why is told where orders are read
            await self._converse(channel, call)

    async def _converse(self, channel: grpc.aio.Channel, call: grpc.aio.StreamStreamCall) -> None:
        """From the scheduler's Welcome to the end of the stream, or of what comes over it.

        Raises RtmeshError: no Welcome came.
        """
        listener = heartbeat.Listener()
        loop = asyncio.get_running_loop()
        reading = loop.create_task(self._read(channel, call, listener))
        silence = loop.create_task(listener.until_silent())
        try:
            await asyncio.wait((reading, silence), return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
            else:
                log.warning("the scheduler is silent; what runs goes on", scheduler=self._address)
        finally:
            for task in (reading, silence):
                task.cancel()
            await asyncio.gather(reading, silence, return_exceptions=True)

    async def _read(
        self, channel: grpc.aio.Channel, call: grpc.aio.StreamStreamCall, listener: heartbeat.Listener
    ) -> None:
        """Take orders, from Welcome to the end of the stream. Raises RtmeshError: no Welcome came."""
        senders: list[asyncio.Task[None]] = []
        try:
            async for order in call:
                listener.heard()
                self._on_order(order)
                if not senders:
                    self._welcomed(call)
                    sending = (self.outbox.send_to(call), heartbeat.beat(self.outbox.beat))
                    loop = asyncio.get_running_loop()
                    senders = [loop.create_task(each) for each in (*sending, self._beside(channel))]
            log.info("the stream ended", scheduler=self._address)
        except grpc.aio.AioRpcError as error:
            if not senders:
                raise self._refusal(from_rpc_error(error, self._address)) from error
            why = {"code": error.code().name, "details": error.details()}
            log.warning("the stream was cut; what runs goes on", scheduler=self._address, **why)
        finally:
            for sender in senders:
                sender.cancel()
            if senders:
                self._left()

    def _refusal(self, error: RtmeshError) -> RtmeshError:
        if not isinstance(error, UnimplementedError):
            return error
        text = f"the server at {self._address} is no scheduler ({error.message})"
        return UnimplementedError(text, "give --scheduler the address that the scheduler listens on")

    def _welcomed(self, call: grpc.aio.StreamStreamCall) -> None:
        log.info("joined", scheduler=self._address)
        self._was_ever_joined = True
        self._told = None
        self._call = call
        self._has_left.clear()
        self.outbox.open()
        for report in self._current():
            self.outbox.put(report)

    def _left(self) -> None:
        self.outbox.close()
        self._call = None
        self._has_left.set()
        self._on_cut()
