"""A run that does not fit in /dev/shm is refused before anything is made, with figures and a remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtmesh.graph.memory import machine_memory
from rtmesh.v1 import machine_pb2, status_pb2

from .conftest import Machine, ended_well
from .test_faults import Walled, endless, only, wait_for_hello

MIB = 1024 * 1024


@pytest.fixture
def container(runtime_folder: Path, scheduler) -> Iterator[Machine]:
    """A meshd that has as much shared memory as a container gets by default."""
    yield from ended_well(Walled(runtime_folder, scheduler, "/dev/shm", "64m"))


def segments(machine: Machine) -> set[str]:
    folder = Path(f"/proc/{machine.process.pid}/root/dev/shm")
    return {path.name for path in folder.iterdir()}


def preflight(machine: Machine, plan, replaces: str = "") -> list[status_pb2.Problem]:
    start = len(machine.scheduler.reports)
    machine.scheduler.give(preflight=machine_pb2.Preflight(plan=plan, replaces=replaces))
    return list(
        machine.scheduler.until(lambda report: report.HasField("preflighted"), start).preflighted.problems
    )


def needing(plans, mib: int, run: str = "run-1"):
    """A plan whose one ring is about that large."""
    plan = endless(plans)
    plan.run = run
    sizes = []
    for plan.rings[0].slot_bytes in (1, 1 + MIB):
        sizes.append(machine_memory(plan).rings[0][1])
    slots = (sizes[1] - sizes[0]) // MIB
    plan.rings[0].slot_bytes = mib * MIB // slots
    return plan


def test_a_plan_that_does_not_fit_is_refused_by_preflight_and_nothing_is_made(container, plans):
    wait_for_hello(container)
    before = segments(container)
    plan = needing(plans, 100)
    memory = machine_memory(plan)

    problem = only(preflight(container, plan))

    assert problem.where == "solo"
    assert f"({memory.total_bytes} bytes)" in problem.text
    free = int(re.search(r"free in /dev/shm \((\d+) bytes\)", problem.text).group(1))
    assert 63 * MIB < free <= 64 * MIB < memory.total_bytes
    assert "source.out -> sink.in" in problem.text and "control rings of 2 nodes" in problem.text
    enough = int(re.search(r"--shm-size=(\d+)m", problem.remedy).group(1))
    assert f"mount -o remount,size={enough}m /dev/shm" in problem.remedy
    assert memory.total_bytes <= enough * MIB < memory.total_bytes + 32 * MIB
    assert segments(container) == before and not container.children()


def test_a_plan_that_fits_passes(container, plans):
    wait_for_hello(container)

    assert preflight(container, needing(plans, 40)) == []


def test_two_runs_that_both_passed_preflight_do_not_both_get_the_same_memory(container, plans):
    wait_for_hello(container)
    first, second = needing(plans, 40), needing(plans, 40, "run-2")
    assert preflight(container, first) == preflight(container, second) == []
    assert not container.prepare(first).problems
    held = segments(container)

    problem = only(container.prepare(second).problems)

    assert ".run-2.source.out: needs " in problem.text and "/dev/shm has " in problem.text
    assert "make its queues or max_bytes smaller" in problem.remedy
    assert {name for name in segments(container) if ".run-2." in name} == set()
    assert {name for name in held if ".run-1.source" in name} <= segments(container)
    assert "shared memory" in only(preflight(container, second)).text
    container.stop_run()
    assert preflight(container, second) == []


def test_what_a_run_that_is_to_be_replaced_gives_back_counts_as_free(container, plans):
    wait_for_hello(container)
    container.begin_run(needing(plans, 40))
    before = container.until_accounts(lambda accounts: accounts.rings[0].head > 100)
    start = len(container.scheduler.reports)

    assert "shared memory" in only(preflight(container, needing(plans, 40, "run-2"))).text
    assert preflight(container, needing(plans, 40, "run-2"), "run-1") == []
    problem = only(preflight(container, needing(plans, 70, "run-2"), "run-1"))

    (free,) = map(int, re.findall(r"free in /dev/shm \((\d+) bytes\), once run run-1 has", problem.text))
    assert 63 * MIB < free <= 64 * MIB
    after = container.until_accounts(lambda accounts: accounts.rings, start)
    assert after.rings[0].head > before.rings[0].head
    container.stop_run()


def test_a_ring_that_cannot_be_is_a_problem_and_not_a_silence(container, plans):
    wait_for_hello(container)
    plan = endless(plans)
    plan.rings[0].slot_bytes = 1 << 40

    problem = only(preflight(container, plan))

    assert problem.where == "solo" and problem.path == "source.out -> sink.in"
    assert "slot_bytes is 1099511627776" in problem.text and "max_bytes" in problem.remedy
