"""A machine's clock page against a scheduler's clock that is far away and drifts, over real streams."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace

import grpc
import pytest

from rtmesh.common.clock import ClockPage
from rtmesh.common.serving import CHANNEL_OPTIONS, SERVER_OPTIONS
from rtmesh.machine import clock_keeper
from rtmesh.machine.clock_estimate import PPM
from rtmesh.machine.clock_keeper import ClockKeeper
from rtmesh.scheduler.servicer import MachinesServicer
from rtmesh.shm import segment_name
from rtmesh.v1 import machine_pb2, machine_pb2_grpc, status_pb2

BOUND_S = 30.0
RATE = 400 * PPM
MESH_OFFSET_NS = 1_700_000_000_000_000_000
MINUTES_NS = 300_000_000_000
# A crystal that trembles by less than a nanosecond a reading.
ROUNDING_NS = 4


class Bench:
    """The machine's clock is this computer's; the scheduler's began minutes earlier and runs faster."""

    def __init__(self, page: ClockPage) -> None:
        self.page = page
        self.mesh_offset_ns = MESH_OFFSET_NS
        self.started_ns = time.monotonic_ns()
        self.are_readers_there = False
        self.told: list[status_pb2.ClockStatus] = []
        self.keeper = ClockKeeper(page, lambda: not self.are_readers_there, self.told.append, own_id="a")
        self.last_ns = 0

    def far_clock(self) -> int:
        """The scheduler's CLOCK_MONOTONIC."""
        now_ns = time.monotonic_ns()
        return now_ns + MINUTES_NS + round((now_ns - self.started_ns) * RATE)

    def far_mesh_ns(self) -> int:
        return self.far_clock() + self.mesh_offset_ns

    def join(self, clock: str = "b") -> None:
        """What a stream begins with."""
        sent_ns = time.monotonic_ns()
        self.keeper.welcomed(
            machine_pb2.Welcome(
                mesh_offset_ns=self.mesh_offset_ns, scheduler_monotonic_ns=self.far_clock(), clock_id=clock
            ),
            sent_ns,
        )

    def check(self) -> None:
        """Mesh time is right to within its own error, and not before what it was."""
        earliest_ns = self.far_mesh_ns()
        told_ns, error_ns = self.page.now_ns(), self.page.error_ns + ROUNDING_NS
        assert earliest_ns - error_ns <= told_ns <= self.far_mesh_ns() + error_ns
        assert told_ns >= self.last_ns
        self.last_ns = told_ns

    @contextlib.asynccontextmanager
    async def exchanging(self) -> AsyncIterator[None]:
        """While a scheduler serves, and the keeper asks it."""
        server = grpc.aio.server(options=SERVER_OPTIONS)
        servicer = MachinesServicer(SimpleNamespace(now_ns=self.far_mesh_ns))  # type: ignore[arg-type]
        machine_pb2_grpc.add_MachinesServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS) as channel:
            keeping = asyncio.create_task(self.keeper.keep(channel))
            yield
            await server.stop(0)
            await asyncio.wait_for(keeping, BOUND_S)

    async def check_until(self, exchanges: int) -> None:
        async with asyncio.timeout(BOUND_S):
            while self.keeper.status().exchanges < exchanges:
                self.check()
                await asyncio.sleep(0.001)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(clock_keeper, "PERIOD_S", 0.02)
    page = ClockPage.create(segment_name("here", "keeper", "@clock"), 0)
    yield Bench(page)
    page.close()
    page.unlink()


def test_mesh_time_is_always_within_its_error_and_a_restart_of_the_scheduler_does_not_show(
    bench: Bench,
) -> None:
    async def story() -> None:
        bench.join()
        bench.are_readers_there = True
        async with bench.exchanging():
            await bench.check_until(40)
        bench.check()
        bench.join()
        async with bench.exchanging():
            await bench.check_until(100)

    asyncio.run(story())

    told = bench.told[-1]
    assert told.restarts == 0 and not told.is_schedulers
    # Half of the round trip, what a second or less makes of its age, and what is still being put right.
    assert told.smallest_round_trip_ns / 2 <= told.error_ns
    assert abs(told.offset_ns - MINUTES_NS) < 100_000_000
    assert told.rate_ppm == pytest.approx(RATE / PPM, abs=told.rate_error_ppm)


def test_another_mesh_is_stepped_to_if_nobody_reads_and_never_while_somebody_does(bench: Bench) -> None:
    bench.join()
    bench.are_readers_there = True
    bench.mesh_offset_ns -= 10_000_000_000
    bench.join()
    before_ns, error_ns = bench.page.now_ns(), bench.page.error_ns

    assert bench.keeper.status().restarts == 1 and error_ns > 9_000_000_000
    assert before_ns > bench.far_mesh_ns() + 9_000_000_000

    bench.are_readers_there = False
    bench.join()

    bench.check()


def test_the_scheduler_s_own_machine_has_no_error(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "far_clock", time.monotonic_ns)
    bench.join(clock="a")

    status = bench.keeper.status()

    assert (status.is_schedulers, status.offset_ns, status.error_ns) == (True, 0, 0)
    assert bench.page.now_ns() - time.monotonic_ns() <= MESH_OFFSET_NS


@pytest.mark.parametrize("clock", ["b", ""])
def test_two_clocks_that_happen_to_agree_are_not_taken_for_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, clock: str
) -> None:
    monkeypatch.setattr(bench, "far_clock", time.monotonic_ns)
    bench.join(clock=clock)

    status = bench.keeper.status()

    assert not status.is_schedulers and status.error_ns > 0


def test_a_copied_computer_s_clock_is_not_taken_for_the_scheduler_s(bench: Bench) -> None:
    """It has the same id, but shows another time."""
    bench.join(clock="a")

    assert not bench.keeper.status().is_schedulers


def test_a_scheduler_that_has_no_clock_to_ask_costs_no_more_than_the_exchanges(bench: Bench) -> None:
    async def story() -> None:
        server = grpc.aio.server(options=SERVER_OPTIONS)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS) as channel:
            await asyncio.wait_for(bench.keeper.keep(channel), BOUND_S)
        await server.stop(0)

    bench.join()
    asyncio.run(story())

    bench.check()
