"""A real scheduler is killed while graphs run, and started again; its machines dial in again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from running import until
from scheduler_process import (
    FakeMachine,
    Order,
    Report,
    SchedulerProcess,
    all_goes_well,
    short_folder,
    states,
)
from small_graphs import chain

from rtmesh.client import Client
from rtmesh.common.errors import NotFoundError, UnavailableError
from rtmesh.v1 import machine_pb2, scheduler_pb2, status_pb2

GRAPH = chain("cursor", "pointer@brand", "decoder@gpc")
MACHINES = ("brand", "gpc")
RUNNING = status_pb2.GRAPH_PHASE_RUNNING
STOPPED = status_pb2.GRAPH_PHASE_STOPPED


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


def wait_for_phase(client: Client, phase: status_pb2.GraphPhase) -> status_pb2.GraphStatus:
    status = until(
        lambda: found if (found := client.get("cursor")).phase == phase else None, 30, f"phase {phase}"
    )
    assert status is not None
    return status


def accounts(run: str, ring: str, head: int, **fields: int) -> Report:
    reader = status_pb2.ReaderAccount(name="decoder.in", taken=head, delivered=head)
    account = status_pb2.RingAccount(name=ring, head=head, readers=[reader], **fields)
    return Report(accounts=machine_pb2.AccountsReport(run=run, rings=[account], time_ns=head))


def carrying(machine: FakeMachine, address: str) -> FakeMachine:
    """The same machine, joining again: its processes have lived on."""
    return FakeMachine(address, machine.name, plans=machine.plans)


def run_and_kill(folder: Path) -> tuple[str, list[FakeMachine]]:
    """A scheduler whose graph runs on two machines, killed; the run, and what the machines carry."""
    with SchedulerProcess(folder) as scheduler, Client(scheduler.address) as client, ExitStack() as joined:
        machines = [joined.enter_context(FakeMachine(scheduler.address, name)) for name in MACHINES]
        run = client.apply(GRAPH).run
        wait_for_phase(client, RUNNING)
        watch = client.watch("cursor")
        next(watch)
        scheduler.kill()
        with pytest.raises(UnavailableError):
            list(watch)
    return run, machines


def test_a_graph_that_runs_is_taken_back_and_shown_right_within_5_s(folder: Path) -> None:
    run, machines = run_and_kill(folder)

    began = time.monotonic()
    with SchedulerProcess(folder) as scheduler, Client(scheduler.address) as client, ExitStack() as joined:
        waiting = client.get("cursor")
        for machine in machines:
            again = joined.enter_context(carrying(machine, scheduler.address))
            for report in states(again.plans[run], "RUNNING"):
                again.report(report)
            ring = "pointer.out" if machine.name == "brand" else "decoder.in"
            again.report(accounts(run, ring, 30, source_position=30))
        until(lambda: client.get("cursor").edges[0].delivered == 30, 30, "the accounts of both machines")
        taken_s = time.monotonic() - began
        status = client.get("cursor")
        watched = next(client.watch("cursor"))
        client.stop("cursor")
        stopped = wait_for_phase(client, STOPPED)

    assert (waiting.run, waiting.phase) == (run, RUNNING)
    assert waiting.reason == "scheduler restarted; waiting for machines brand and gpc"
    assert (status.run, status.phase, status.reason) == (run, RUNNING, "")
    assert [node.state for node in status.nodes] == [status_pb2.NODE_STATE_RUNNING] * 2
    assert watched.run == run
    assert status.edges[0].sent == 30
    assert taken_s < 5
    texts = [f"{event.subject}: {event.text}" for event in stopped.events]
    assert f"graph cursor: {waiting.reason}" in texts
    assert "machine brand: back, with its part of the run" in texts
    assert (stopped.running_time_ns, stopped.run) == (waiting.running_time_ns, run)


def test_the_same_graph_applied_again_after_the_restart_changes_nothing(folder: Path) -> None:
    run, _ = run_and_kill(folder)

    with SchedulerProcess(folder) as scheduler, Client(scheduler.address) as client:
        again = client.apply(GRAPH)

    assert (again.run, again.outcome) == (run, scheduler_pb2.APPLY_OUTCOME_UNCHANGED)


def test_a_graph_caught_while_it_starts_is_stopped_and_begun_anew(folder: Path) -> None:
    def never_ready(machine: FakeMachine, order: Order) -> list[Report]:
        return [report for report in all_goes_well(machine, order) if not report.HasField("node")]

    with SchedulerProcess(folder) as first, Client(first.address) as client, ExitStack() as joined:
        machines = [joined.enter_context(FakeMachine(first.address, name, never_ready)) for name in MACHINES]
        run = client.apply(GRAPH).run
        for machine in machines:
            machine.wait_for("prepare")
        first.kill()

    with SchedulerProcess(folder) as second, Client(second.address) as client, ExitStack() as joined:
        again = [joined.enter_context(carrying(machine, second.address)) for machine in machines]
        stops = [machine.wait_for("stop").stop.run for machine in again]
        running = wait_for_phase(client, RUNNING)

    assert stops == [run, run]
    assert running.run.startswith("2-")
    assert all(list(machine.plans) == [running.run] for machine in again)


def test_a_graph_caught_while_it_is_deleted_is_forgotten_when_it_has_stopped(folder: Path) -> None:
    def slow(machine: FakeMachine, order: Order) -> list[Report]:
        return [] if order.HasField("drain") else all_goes_well(machine, order)

    with SchedulerProcess(folder) as first, Client(first.address) as client, ExitStack() as joined:
        machines = [joined.enter_context(FakeMachine(first.address, name, slow)) for name in MACHINES]
        client.apply(GRAPH)
        wait_for_phase(client, RUNNING)
        client.delete("cursor")
        first.kill()

    with SchedulerProcess(folder) as second, Client(second.address) as client, ExitStack() as joined:
        for machine in machines:
            joined.enter_context(carrying(machine, second.address))
        until(lambda: not client.list(), 30, "the graph to be forgotten")
        with pytest.raises(NotFoundError):
            client.get("cursor")


def test_a_scheduler_that_is_told_to_end_stores_all_that_it_knows(folder: Path) -> None:
    with SchedulerProcess(folder) as first, Client(first.address) as client, ExitStack() as joined:
        brand, gpc = [joined.enter_context(FakeMachine(first.address, name)) for name in MACHINES]
        run = client.apply(GRAPH).run
        wait_for_phase(client, RUNNING)
        for head in range(5):
            brand.report(accounts(run, "pointer.out", head))
            gpc.report(accounts(run, "decoder.in", head, source_position=head))
        until(lambda: client.get("cursor").edges[0].delivered == 4, 30, "the last accounts")
        assert first.terminate() == 0

    with SchedulerProcess(folder) as second, Client(second.address) as client:
        edge = client.get("cursor").edges[0]
        machines = client.machines()

    assert (edge.sent, edge.delivered, edge.in_flight) == (4, 4, 0)
    assert [(machine.name, machine.hostname, machine.connected) for machine in machines] == [
        ("brand", "brand.lab", False),
        ("gpc", "gpc.lab", False),
    ]
