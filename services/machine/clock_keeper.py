"""Keeps a machine's clock page right: exchanges stamps with the scheduler, and publishes what follows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import grpc

from rtmesh.common.clock import ClockPage, clock_id
from rtmesh.common.logs import get_logger
from rtmesh.machine.chrony import read_tracking
from rtmesh.machine.clock_course import slew_to, step_to
from rtmesh.machine.clock_estimate import PPM, ClockFilter, Estimate, Exchange
from rtmesh.v1 import machine_pb2, machine_pb2_grpc, status_pb2

# The first exchanges come at once: a graph may wait for nothing but this machine.
FIRST, FIRST_PERIOD_S = 16, 0.01
PERIOD_S = 1.0
# One right after the other: the first wakes both computers up, those after it find them awake.
BURST = 4
CHRONY_PERIOD_S = 60.0

log = get_logger()


class ClockKeeper:
    """The clock of one machine.

    Args:
        page: where mesh time is published.
        may_step: whether nobody reads the page now.
        report: called with what is known, after exchanges and readings of chrony.
        clock: CLOCK_MONOTONIC.
        own_id: which clock that is.
    """

    def __init__(
        self,
        page: ClockPage,
        may_step: Callable[[], bool],
        report: Callable[[status_pb2.ClockStatus], None],
        clock: Callable[[], int] = time.monotonic_ns,
        own_id: str | None = None,
    ) -> None:
        self._page = page
        self._may_step = may_step
        self._report = report
        self._clock = clock
        self._own_id = clock_id() if own_id is None else own_id
        self._filter = ClockFilter()
        self._mesh_offset_ns = 0
        self._is_schedulers = False
        self._last_exchange_time_ns = 0
        self._chrony: status_pb2.ChronyStatus | None = None

    def welcomed(self, welcome: machine_pb2.Welcome, sent_ns: int) -> None:
        """Take Welcome, which answers what was sent at `sent_ns`, for the first exchange of a stream."""
        received_ns, theirs_ns = self._clock(), welcome.scheduler_monotonic_ns
        self._mesh_offset_ns = welcome.mesh_offset_ns
        # Two virtual machines that were copied while they ran have one id; their readings tell them apart.
        is_between = sent_ns <= theirs_ns <= received_ns
        self._is_schedulers = bool(self._own_id) and welcome.clock_id == self._own_id and is_between
        mesh_ns = theirs_ns + welcome.mesh_offset_ns
        self._take(Exchange(sent_ns, mesh_ns, mesh_ns, received_ns))

    def status(self) -> status_pb2.ClockStatus:
        """What is known now."""
        now_ns, estimate = self._clock(), self._estimate()
        status = status_pb2.ClockStatus(
            error_ns=self._page.error_ns,
            last_exchange_time_ns=self._last_exchange_time_ns,
            smallest_round_trip_ns=self._filter.smallest_round_trip_ns,
            exchanges=self._filter.exchanges,
            restarts=self._filter.restarts,
            is_schedulers=self._is_schedulers,
            chrony=self._chrony,
        )
        if estimate is not None:
            status.offset_ns = estimate.offset_at(now_ns) - self._mesh_offset_ns
            status.rate_ppm, status.rate_error_ppm = estimate.rate / PPM, estimate.rate_error / PPM
        return status

    async def keep(self, channel: grpc.aio.Channel) -> None:
        """Exchange stamps over a channel to the scheduler, for as long as it works or until cancelled."""
        call = machine_pb2_grpc.MachinesStub(channel).Clock()
        try:
            while self._is_schedulers or await self._exchange_some(call):
                self._report(self.status())
                is_first = not self._is_schedulers and self._filter.exchanges < FIRST
                await asyncio.sleep(FIRST_PERIOD_S if is_first else PERIOD_S)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as error:
            log.info("no more exchanges of time stamps on this stream", why=str(error))
        finally:
            call.cancel()

    async def watch_chrony(self) -> None:
        """Look now and then whether chrony runs, until cancelled."""
        while True:
            self._chrony = await asyncio.to_thread(read_tracking)
            await asyncio.sleep(CHRONY_PERIOD_S)

    async def _exchange_some(self, call: grpc.aio.StreamStreamCall) -> bool:
        """A burst of exchanges; False if the scheduler has ended the stream."""
        for _ in range(BURST):
            if not await self._exchange(call):
                return False
        return True

    async def _exchange(self, call: grpc.aio.StreamStreamCall) -> bool:
        """Exchange stamps once; False if the scheduler has ended the stream."""
        await call.write(machine_pb2.ClockRequest(sent_ns=self._clock()))
        answer = await call.read()
        received_ns = self._clock()
        if answer is grpc.aio.EOF:
            return False
        stamps = (answer.request_sent_ns, answer.received_time_ns, answer.sent_time_ns)
        self._take(Exchange(*stamps, received_ns))
        return True

    def _take(self, exchange: Exchange) -> None:
        restarts = self._filter.restarts
        self._filter.add(exchange)
        if self._filter.restarts != restarts:
            log.warning("the clocks did more than drift: mesh time is measured anew")
        self._last_exchange_time_ns = exchange.far_sent_ns
        self._publish()

    def _publish(self) -> None:
        estimate, now_ns = self._estimate(), self._clock()
        if estimate is None:
            return
        if self._may_step():
            self._page.publish(step_to(estimate, now_ns), is_step=True)
        else:
            self._page.publish(slew_to(estimate, self._page.course, now_ns))

    def _estimate(self) -> Estimate | None:
        """If the scheduler reads the same clock there is nothing to estimate."""
        if self._is_schedulers:
            return Estimate.exact(self._mesh_offset_ns)
        return self._filter.estimate()
