"""meshd with real loops: on which CPUs the kernel lets them run."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtmesh.common.cpus import cpus_text
from rtmesh.machine.cpu_groups import RELAY
from rtmesh.machine.cpu_keeper import CpuKeeper, Loop, RunLoops
from rtmesh.machine.cpu_masks import Cpus
from rtmesh.machine.cpu_relay import RelayProcess
from rtmesh.v1 import graph_pb2, machine_pb2

from .conftest import FakeScheduler, Machine, ended_well

ALL = cpus_text(os.sched_getaffinity(0))
LAST = str(max(os.sched_getaffinity(0)))
BOTH = ("source", "sink")
# Of a computer that does nothing else, whatever this one does: how much it has left is not what is tested.
ROOMY = """
from rtmesh.machine import cpu_keeper, cpu_sharing
cpu_keeper.busy_share = lambda before, after: 0.0
cpu_sharing.CALM, cpu_sharing.SUFFERED, cpu_sharing.WAKE_NS = 0.6, 2.0, 1_000_000
from rtmesh.machine.__main__ import main
raise SystemExit(main())
"""


class RoomyMachine(Machine):
    program = ("-c", ROOMY)


@pytest.fixture
def roomy(runtime_folder: Path, scheduler: FakeScheduler) -> Iterator[Machine]:
    yield from ended_well(RoomyMachine(runtime_folder, scheduler))


@pytest.fixture
def indifferent(runtime_folder: Path, scheduler: FakeScheduler) -> Iterator[Machine]:
    yield from ended_well(RoomyMachine(runtime_folder, scheduler, "--loop-cpus", "any"))


@pytest.fixture
def confined(runtime_folder: Path, scheduler: FakeScheduler) -> Iterator[Machine]:
    yield from ended_well(Machine(runtime_folder, scheduler, "--loop-cpus", LAST))


def begin(machine: Machine, plans, *, burn: Path) -> None:
    source = plans.node("source", "endless", "paced", f"burn={burn}")
    machine.begin_run(plans.chain(source, plans.node("sink", "take")))


def told_cpus(report: machine_pb2.AccountsReport) -> list[str]:
    return [node.loop.cpus for node in report.nodes]


def running_cpus(scheduler: FakeScheduler, start: int) -> list[list[str]]:
    """What every account since a report says, of those in which messages had been sent."""
    accounts = (report.accounts for report in scheduler.reports[start:] if report.HasField("accounts"))
    return [told_cpus(each) for each in accounts if each.rings[0].head]


def until_cpus(machine: Machine, wanted, start: int = 0) -> machine_pb2.AccountsReport:
    return machine.until_accounts(lambda accounts: wanted(told_cpus(accounts)), start)


def on_one(cpus: list[str]) -> bool:
    return len(set(cpus)) == 1 and cpus[0].isdecimal()


def on_all(cpus: list[str]) -> bool:
    return cpus == [ALL] * 2


def test_a_chain_shares_a_cpu_until_it_is_busy(roomy, scheduler, plans, tmp_path):
    burn = tmp_path / "burn"
    begin(roomy, plans, burn=burn)

    sharing = until_cpus(roomy, on_one)
    masks = [cpus_text(os.sched_getaffinity(node.loop.process_id)) for node in sharing.nodes]
    assert masks == told_cpus(sharing)

    start = len(scheduler.reports)
    burn.touch()
    until_cpus(roomy, on_all, start)  # with a single CPU: as it always was

    burn.unlink()
    roomy.stop_run()
    roomy.end()
    events = ["loops share CPU", "loops share no CPU any more"] if ALL != LAST else []
    assert all(event in roomy.errors for event in events)
    assert ("loops share" in roomy.errors) == bool(events)


def test_a_killed_loop_starts_on_all_cpus_and_shares_again_with_those_that_went_on(roomy, scheduler, plans):
    again = graph_pb2.Restart(when=graph_pb2.RESTART_WHEN_ON_FAILURE, most=3, backoff_ms=1)
    roomy.begin_run(
        plans.chain(plans.node("source", "endless", "paced"), plans.node("sink", "take", restart=again))
    )
    first = until_cpus(roomy, on_one).nodes[1].loop.process_id

    start = len(scheduler.reports)
    os.kill(first, signal.SIGKILL)
    ready = roomy.until_state("sink", "READY", start)
    until_cpus(roomy, on_all, start)
    until_cpus(roomy, on_one, len(scheduler.reports))

    assert ready.loop.process_id != first
    assert ready.loop.cpus == ALL
    roomy.stop_run()


def test_the_relay_shares_the_cpu_of_the_loops_that_it_serves(roomy, plans, until):
    plan = plans.carried(plans.node("source", "endless", "paced"), plans.node("sink", "take"))
    roomy.begin_run(plan, data_addresses={"solo": f"unix:{roomy.folder}/relay.sock"})

    sharing = until_cpus(roomy, on_one)
    relay = next(process for process in sharing.processes if process.name == "relay")
    threads = [int(task.name) for task in Path(f"/proc/{relay.process_id}/task").iterdir()]
    cpu = frozenset({int(told_cpus(sharing)[0])})
    assert {frozenset(os.sched_getaffinity(thread)) for thread in threads} == {cpu}

    roomy.stop_run()
    until(lambda: os.sched_getaffinity(relay.process_id) == os.sched_getaffinity(0))
    roomy.end()
    assert (f"loops share CPU {LAST}, and the relay" in roomy.errors) == (ALL != LAST)


@pytest.mark.skipif(ALL == LAST, reason="with one CPU nothing is decided")
def test_a_relay_that_serves_two_runs_belongs_to_neither(monkeypatch):
    monkeypatch.setattr("rtmesh.machine.cpu_keeper.busy_share", lambda before, after: 0.0)
    sleepers = [subprocess.Popen(["sleep", "60"]) for _ in range(3)]
    relay, *loops = (sleeper.pid for sleeper in sleepers)
    runs = [
        RunLoops(run, (), (Loop("a", process_id, True, 0),), (("a", RELAY),))
        for run, process_id in zip(("one", "two"), loops)
    ]
    keeper = CpuKeeper("auto", lambda: runs, lambda: relay)

    def cpus_after_a_second() -> list[str]:
        now_ns = time.monotonic_ns()
        for period in range(8):
            keeper.look(now_ns + period * 250_000_000)
        return [cpus_text(os.sched_getaffinity(sleeper.pid)) for sleeper in sleepers]

    try:
        assert cpus_after_a_second() == [ALL] * 3
        gone = runs.pop()
        assert cpus_after_a_second() == [LAST, LAST, ALL]
        runs.append(gone)
        assert cpus_after_a_second() == [ALL] * 3
    finally:
        for sleeper in sleepers:
            sleeper.kill()
            sleeper.wait()


def test_the_list_is_of_loops_and_not_of_the_relay(monkeypatch):
    free: list[Cpus] = []
    monkeypatch.setattr(RelayProcess, "follow", lambda self, process_id, cpus: free.append(cpus))

    CpuKeeper(LAST, list, lambda: None).look(0)

    assert free == [frozenset(os.sched_getaffinity(0))]


def test_any_leaves_loops_to_the_kernel(indifferent, scheduler, plans, tmp_path):
    start = len(scheduler.reports)
    begin(indifferent, plans, burn=tmp_path / "burn")

    # As many periods as `auto` takes to share a CPU, twice.
    indifferent.until_accounts(lambda _: len(running_cpus(scheduler, start)) > 12)

    assert all(on_all(cpus) for cpus in running_cpus(scheduler, start))
    indifferent.stop_run()


def test_any_and_a_kernel_without_times_decide_nothing(monkeypatch):
    def fail() -> list[object]:
        raise AssertionError("nobody should ask what runs")

    async def keep(loop_cpus: str) -> None:
        await asyncio.wait_for(CpuKeeper(loop_cpus, fail).keep(), 30)

    asyncio.run(keep("any"))
    monkeypatch.setattr("rtmesh.machine.cpu_keeper.are_times_told", lambda: False)
    asyncio.run(keep("auto"))


def test_listed_cpus_are_the_loops_from_their_start(confined, plans, tmp_path):
    begin(confined, plans, burn=tmp_path / "burn")

    ready = [confined.until_state(name, "READY") for name in BOTH]
    confined.until_accounts(lambda accounts: accounts.rings[0].head > 20)

    assert [status.loop.cpus for status in ready] == [LAST, LAST]
    assert told_cpus(confined.stop_run()) == [LAST, LAST]
