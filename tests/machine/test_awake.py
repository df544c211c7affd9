"""meshd --keep-awake: the device is held while a run is here, by nobody but meshd, or nothing begins."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from sleepless import (
    MESHD_ON_STAND_INS,
    REAL_DEVICE,
    StandIns,
    can_be_kept_awake,
    have_open,
    make_stand_ins,
)

from rtmesh.machine.awake import Awake
from rtmesh.v1 import machine_pb2, status_pb2

from .conftest import Machine, ended_well
from .tally_plan import make_plan

OFF, IDLE, NOW = status_pb2.KEEP_AWAKE_OFF, status_pb2.KEEP_AWAKE_IDLE, status_pb2.KEEP_AWAKE_NOW
FORGOTTEN = b"\xff" * 4


class OnStandIns(Machine):
    """A meshd that takes files for the kernel's."""

    def __init__(self, folder: Path, scheduler: object, kernel: StandIns) -> None:
        self._kernel = kernel
        super().__init__(folder, scheduler, "--keep-awake")

    def begin(self, *more: str) -> None:
        program = [sys.executable, "-c", MESHD_ON_STAND_INS, *map(str, self._kernel)]
        self.process = subprocess.Popen(
            [*program, *self._arguments, *more], stderr=subprocess.PIPE, text=True, start_new_session=True
        )


@pytest.fixture
def kernel(tmp_path: Path) -> StandIns:
    return make_stand_ins(tmp_path)


@pytest.fixture
def awake_machine(runtime_folder: Path, scheduler, kernel: StandIns) -> Iterator[Machine]:
    yield from ended_well(OnStandIns(runtime_folder, scheduler, kernel))


def endless(plans, run: str = "run-1"):
    plan = plans.chain(plans.node("source", "endless"), plans.node("sink", "take"))
    plan.run = run
    return plan


def holds(kernel: StandIns) -> bool:
    return bool(have_open(kernel.device, [os.getpid()]))


# the runs of a meshd


def test_the_device_is_held_from_the_first_run_to_the_end_of_the_last_and_again(
    kernel: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel.use(monkeypatch)
    states: list[status_pb2.KeepAwake] = []
    awake = Awake(True, lambda: states.append(awake.state))
    assert (awake.state, holds(kernel)) == (IDLE, False)

    awake.hold("a")
    assert (kernel.device.read_bytes(), holds(kernel)) == (bytes(4), True)
    awake.hold("b")
    awake.release("a")
    awake.release("never-held")
    assert holds(kernel)
    awake.release("b")
    assert not holds(kernel)

    kernel.device.write_bytes(FORGOTTEN)  # as the kernel forgets it
    awake.hold("c")
    assert (kernel.device.read_bytes(), holds(kernel)) == (bytes(4), True)
    awake.release("c")
    assert not holds(kernel)
    assert states == [NOW, IDLE, NOW, IDLE]


def test_nothing_is_opened_unless_asked_for(kernel: StandIns, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel.use(monkeypatch)
    awake = Awake(False, lambda: pytest.fail("nothing changes"))

    awake.hold("a")

    assert (awake.state, holds(kernel), kernel.device.read_bytes()) == (OFF, False, FORGOTTEN)


# a whole meshd


def test_two_runs_share_it_and_the_scheduler_is_told(awake_machine, kernel: StandIns, plans, scheduler):
    meshd = [awake_machine.process.pid]
    scheduler.until(told(IDLE))
    assert not have_open(kernel.device, meshd)
    # The check at the start has written it.
    kernel.device.write_bytes(FORGOTTEN)

    awake_machine.begin_run(endless(plans, "run-1"))
    scheduler.until(told(NOW))
    assert kernel.device.read_bytes() == bytes(4)
    assert not awake_machine.prepare(endless(plans, "run-2")).problems
    awake_machine.stop_run("run-1")
    assert have_open(kernel.device, meshd) == meshd

    start = len(scheduler.reports)
    awake_machine.stop_run("run-2")
    scheduler.until(told(IDLE), start)
    assert not have_open(kernel.device, meshd)
    changes = [report.keep_awake for report in scheduler.reports if report.HasField("keep_awake")]
    assert changes == [IDLE, NOW, IDLE]


def test_a_scheduler_that_comes_back_is_told_again(awake_machine, plans, scheduler):
    awake_machine.begin_run(endless(plans))
    scheduler.close()
    again = type(scheduler)(scheduler.address)
    try:
        awake_machine.scheduler = again
        again.until(told(NOW))
        awake_machine.stop_run()
    finally:
        again.close()


def test_a_run_is_refused_when_it_cannot_be_kept_awake_after_all(
    awake_machine, kernel: StandIns, plans, scheduler
):
    scheduler.until(told(IDLE))
    kernel.device.unlink()

    (problem,) = awake_machine.prepare(endless(plans)).problems

    assert problem.where == "solo"
    assert problem.text == f"the CPUs cannot be kept awake: there is no {kernel.device}"
    assert f"--device {kernel.device}" in problem.remedy
    assert awake_machine.children() == {}
    assert not (awake_machine.folder / "run-1").exists()

    kernel.device.write_bytes(FORGOTTEN)
    assert not awake_machine.prepare(endless(plans)).problems
    awake_machine.stop_run()


def test_a_run_that_cannot_be_prepared_lets_the_cpus_sleep(awake_machine, kernel: StandIns, plans):
    plan = endless(plans)
    plan.nodes[1].node.command[0] = "./no-such-program"

    assert awake_machine.prepare(plan).problems

    assert not have_open(kernel.device, [awake_machine.process.pid])


def test_no_child_of_meshd_holds_it(awake_machine, kernel: StandIns, until):
    """Because one that outlives meshd would keep the CPUs awake for nobody."""
    awake_machine.begin_run(make_plan())
    awake_machine.until_accounts(has_all_services)
    meshd = awake_machine.process.pid
    below = processes_below(meshd)

    assert len(below) >= 4  # two loops and two services, and whatever nursery still lives
    assert have_open(kernel.device, [meshd, *below]) == [meshd]
    awake_machine.stop_run()


def test_it_ends_with_a_meshd_that_is_killed_though_its_loops_go_on(
    awake_machine, kernel: StandIns, plans, scheduler, is_running
):
    awake_machine.begin_run(endless(plans))
    awake_machine.until_accounts(lambda accounts: accounts.rings[0].head > 0)
    loops = processes_below(awake_machine.process.pid)

    awake_machine.process.kill()
    awake_machine.process.communicate()

    left, holding = [pid for pid in loops if is_running(pid)], have_open(kernel.device, loops)
    # The next one ends them.
    start = len(scheduler.reports)
    awake_machine.begin()
    scheduler.until(lambda report: report.HasField("hello"), start)

    assert left and not holding


def test_a_meshd_that_cannot_do_it_does_not_start(runtime_folder: Path, kernel: StandIns) -> None:
    kernel.device.unlink()
    command = [sys.executable, "-c", MESHD_ON_STAND_INS, *map(str, kernel), "--machine", "solo"]
    command += ["--scheduler", f"unix:{runtime_folder}/s", "--dir", str(runtime_folder / "run")]

    ended = subprocess.run([*command, "--keep-awake"], capture_output=True, text=True, timeout=30)

    assert ended.returncode == 1
    assert ended.stderr.startswith(f"meshd: the CPUs cannot be kept awake: there is no {kernel.device}: ")
    assert len(ended.stderr.splitlines()) == 1
    assert not (runtime_folder / "run").exists()


def test_the_cpus_of_this_computer_are_kept_awake_while_a_run_is_here_or_meshd_says_why_not(
    runtime_folder: Path, scheduler, plans
) -> None:
    if not can_be_kept_awake():
        refused = Machine(runtime_folder, scheduler, "--keep-awake")
        assert refused.end() == 1
        assert "meshd: the CPUs cannot be kept awake: " in refused.errors
        return
    for machine in ended_well(Machine(runtime_folder, scheduler, "--keep-awake")):
        machine.begin_run(endless(plans))
        machine.until_accounts(lambda accounts: accounts.rings[0].head > 0)
        meshd = machine.process.pid
        with REAL_DEVICE.open("rb", buffering=0) as device:
            assert device.read(4) == bytes(4)
        assert have_open(REAL_DEVICE, [meshd, *processes_below(meshd)]) == [meshd]
        machine.stop_run()
        # The limit itself may be another's by now.
        assert not have_open(REAL_DEVICE, [meshd])


def told(state: status_pb2.KeepAwake) -> Callable[[machine_pb2.JoinRequest], bool]:
    return lambda report: report.HasField("keep_awake") and report.keep_awake == state


def has_all_services(accounts: machine_pb2.AccountsReport) -> bool:
    return bool(accounts.nodes) and all(node.service.process_id for node in accounts.nodes)


def processes_below(process_id: int) -> list[int]:
    return [child.pid for child in psutil.Process(process_id).children(recursive=True)]
