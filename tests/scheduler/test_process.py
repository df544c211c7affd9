"""A real scheduler process, machines that join it over gRPC, a client that asks things of it."""

from __future__ import annotations

import json
import os
import select
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from frozen_network import Network
from running import until
from scheduler_process import (
    FakeMachine,
    Order,
    Report,
    SchedulerProcess,
    all_goes_well,
    command,
    run_scheduler,
    short_folder,
)
from small_graphs import chain

from rtmesh.client import Client
from rtmesh.common.errors import InvalidArgumentError, NotFoundError
from rtmesh.v1 import machine_pb2, scheduler_pb2, status_pb2

GRAPH = chain("cursor", "pointer@brand", "decoder@gpc")
RUNNING = status_pb2.GRAPH_PHASE_RUNNING
STOPPED = status_pb2.GRAPH_PHASE_STOPPED
FAILED = status_pb2.GRAPH_PHASE_FAILED


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


@pytest.fixture
def scheduler(folder: Path) -> Iterator[SchedulerProcess]:
    with SchedulerProcess(folder) as scheduler:
        yield scheduler


@pytest.fixture
def client(scheduler: SchedulerProcess) -> Iterator[Client]:
    with Client(scheduler.address, timeout_s=30) as client:
        yield client


def wait_for(client: Client, phase: status_pb2.GraphPhase, name: str = "cursor") -> status_pb2.GraphStatus:
    for status in client.watch(name, rate_hz=100):
        if status.phase == phase:
            return status
    raise AssertionError(f"the graph ended in phase {status.phase}: {status.reason}")


def test_a_graph_runs_on_two_machines_and_is_stopped(scheduler: SchedulerProcess, client: Client) -> None:
    applied = client.apply(GRAPH)
    with FakeMachine(scheduler.address, "brand"), FakeMachine(scheduler.address, "gpc"):
        running = wait_for(client, RUNNING)
        client.stop("cursor")
        *_, last = client.watch("cursor")

        assert applied.outcome == scheduler_pb2.APPLY_OUTCOME_CREATED
        assert running.run == last.run == applied.run
        assert [machine.name for machine in running.machines] == ["brand", "gpc"]
        assert last.phase == STOPPED
        assert 0 < last.applied_time_ns <= last.running_time_ns <= last.ended_time_ns
        assert client.get("cursor") == last
        assert client.list() == [last]
        assert [machine.connected for machine in client.machines()] == [True, True]


def test_a_machine_is_welcomed_with_the_mesh_time(scheduler: SchedulerProcess) -> None:
    with FakeMachine(scheduler.address, "brand") as first:
        one = first.wait_for("welcome").welcome
    with FakeMachine(scheduler.address, "gpc") as second:
        other = second.wait_for("welcome").welcome

    assert one.mesh_offset_ns == other.mesh_offset_ns
    assert one.scheduler_monotonic_ns < other.scheduler_monotonic_ns


def test_the_end_of_a_machines_stream_is_the_loss_of_the_machine(
    scheduler: SchedulerProcess, client: Client
) -> None:
    with FakeMachine(scheduler.address, "brand"), FakeMachine(scheduler.address, "gpc") as lost:
        client.apply(GRAPH)
        wait_for(client, RUNNING)

        lost.cut()

        *_, last = client.watch("cursor")
        assert last.phase == FAILED
        assert last.reason == "machine gpc was lost, with node decoder"
        assert {machine.name: machine.connected for machine in client.machines()} == {
            "brand": True,
            "gpc": False,
        }


def test_a_machine_that_says_nothing_more_is_told_lost_and_awaited(
    scheduler: SchedulerProcess, client: Client
) -> None:
    graph = chain("patient", "pointer@brand", "decoder@gpc")
    graph.edges[0].hold_absent_ms = 60_000
    alive = {"process_id": os.getpid()}
    with FakeMachine(scheduler.address, "brand"), FakeMachine(scheduler.address, "gpc", **alive) as silent:
        client.apply(graph)
        wait_for(client, RUNNING, "patient")
        silent.fall_silent()
        until(lambda: client.get("patient").reason, 30, "the loss to be told")
        status = client.get("patient")
        lost = next(machine for machine in client.machines() if machine.name == "gpc")

        assert not silent.wait_for_end(), "its stream is ended in order, should it hear that"
        assert status.phase == RUNNING
        assert status.reason.startswith("degraded: machine gpc has not been heard for ")
        assert not lost.connected and lost.silent_ms >= 2500
        with FakeMachine(scheduler.address, "gpc", plans=silent.plans) as back:
            assert back.wait_for("start").start.run == status.run
            assert not client.get("patient").reason


def test_a_lost_machine_can_join_again(scheduler: SchedulerProcess, client: Client) -> None:
    for _ in range(3):
        with FakeMachine(scheduler.address, "brand") as machine:
            machine.wait_for("welcome")
        wait_until_lost(client)


def wait_until_lost(client: Client) -> None:
    # The loss is an event of the scheduler's own; each answer of it may be the last before.
    while any(machine.connected for machine in client.machines()):
        pass


def test_problems_of_two_machines_come_together(scheduler: SchedulerProcess, client: Client) -> None:
    def cannot(machine: FakeMachine, order: Order) -> list[Report]:
        if order.WhichOneof("order") != "preflight":
            return all_goes_well(machine, order)
        problem = status_pb2.Problem(text=f"no module on {machine.name}")
        return [Report(preflighted=machine_pb2.Preflighted(run=order.preflight.plan.run, problems=[problem]))]

    with (
        FakeMachine(scheduler.address, "brand", cannot),
        FakeMachine(scheduler.address, "gpc", cannot),
    ):
        client.apply(GRAPH)
        *_, last = client.watch("cursor")

    assert last.phase == FAILED
    assert {problem.where: problem.text for problem in last.problems} == {
        "brand": "no module on brand",
        "gpc": "no module on gpc",
    }


def test_two_machines_of_one_name_cannot_join(scheduler: SchedulerProcess) -> None:
    with FakeMachine(scheduler.address, "brand") as first:
        first.wait_for("welcome")
        with FakeMachine(scheduler.address, "brand") as second:
            error = second.wait_for_end()

    assert error is not None
    assert error.code() is grpc.StatusCode.ALREADY_EXISTS
    assert "machine brand is joined already, from brand.lab (process 4711)" in error.details()


def test_a_machine_that_comes_back_is_taken_as_soon_as_its_old_stream_is_seen_dead(folder: Path) -> None:
    """The old stream goes through a network that takes all and carries nothing: only keepalive can tell."""
    scheduler = SchedulerProcess(folder, "--insecure")
    scheduler.address = "127.0.0.1:0"
    with scheduler, Network(scheduler.first_line.split()[1]) as network, ExitStack() as joined:
        address = scheduler.first_line.split()[1]
        joined.enter_context(FakeMachine(network.address, "brand")).wait_for("welcome")
        network.freeze()
        with FakeMachine(address, "brand") as refused:
            error = refused.wait_for_end()

        until(lambda: is_taken(joined, address), 20, "the old stream to be seen dead")

    assert error is not None
    assert error.code() is grpc.StatusCode.ALREADY_EXISTS


def is_taken(joined: ExitStack, address: str) -> bool:
    machine = FakeMachine(address, "brand")
    joined.callback(machine.cut)
    machine.__enter__()
    return machine.orders.get(timeout=30) is not None


def test_the_first_report_must_be_hello(scheduler: SchedulerProcess) -> None:
    machine = FakeMachine(scheduler.address, "brand")
    machine.report(Report(ended=machine_pb2.Ended(run="1-aaaa")))

    error = machine.wait_for_end()
    machine.cut()

    assert error is not None
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_bytes_that_are_no_graph_are_refused_and_change_nothing(
    scheduler: SchedulerProcess, client: Client
) -> None:
    with grpc.insecure_channel(scheduler.address) as channel:
        apply = channel.unary_unary("/rtmesh.v1.Scheduler/Apply")
        with pytest.raises(grpc.RpcError) as raised:
            apply(b"\xff\xff\xff", timeout=30)

    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert client.list() == []


def test_a_watch_tells_the_end_at_once_however_slow_it_is(
    scheduler: SchedulerProcess, client: Client
) -> None:
    with FakeMachine(scheduler.address, "brand"), FakeMachine(scheduler.address, "gpc"):
        client.apply(GRAPH)
        wait_for(client, RUNNING)
        slow = client.watch("cursor", rate_hz=0.001)
        first = next(slow)
        client.stop("cursor")

        assert first.phase == RUNNING
        assert [status.phase for status in slow] == [STOPPED]


def test_a_watch_of_a_deleted_graph_ends_with_its_last_status(
    scheduler: SchedulerProcess, client: Client
) -> None:
    with FakeMachine(scheduler.address, "brand"), FakeMachine(scheduler.address, "gpc"):
        client.apply(GRAPH)
        wait_for(client, RUNNING)
        watch = client.watch("cursor", rate_hz=0.001)
        next(watch)
        client.delete("cursor")

        assert [status.phase for status in watch] == [STOPPED]
        with pytest.raises(NotFoundError, match="there is no graph cursor"):
            client.get("cursor")


@pytest.mark.parametrize("rate_hz", [-1.0, float("nan")])
def test_a_rate_that_is_none_is_refused(client: Client, rate_hz: float) -> None:
    client.apply(GRAPH)

    with pytest.raises(InvalidArgumentError, match="is not a rate"):
        next(client.watch("cursor", rate_hz=rate_hz))


def test_a_scheduler_says_where_it_listens_and_ends_well_when_told(scheduler: SchedulerProcess) -> None:
    socket = scheduler.folder / "s.sock"

    assert scheduler.first_line == f"listening {scheduler.address}\n"
    assert stat.S_IMODE(socket.stat().st_mode) & 0o077 == 0
    assert scheduler.terminate() == 0


def test_a_scheduler_ends_well_while_machines_are_joined_and_graphs_watched(
    scheduler: SchedulerProcess, client: Client
) -> None:
    with FakeMachine(scheduler.address, "brand"), FakeMachine(scheduler.address, "gpc"):
        client.apply(GRAPH)
        wait_for(client, RUNNING)
        watch = client.watch("cursor")
        next(watch)

        assert scheduler.terminate() == 0
        watch.close()
    assert "Traceback" not in scheduler.log()


def test_a_machine_that_outlived_the_scheduler_is_told_to_end_its_runs(folder: Path) -> None:
    with SchedulerProcess(folder) as scheduler, FakeMachine(scheduler.address, "brand") as machine:
        machine.wait_for("welcome")
        machine.report(Report(node=machine_pb2.NodeReport(run="7-gone")))

        assert machine.wait_for("stop").stop.run == "7-gone"


def test_an_address_where_somebody_listens_is_refused(scheduler: SchedulerProcess, folder: Path) -> None:
    done = run_scheduler("--listen", scheduler.address, "--state", str(folder / "other"))

    assert done.returncode == 1
    assert f"another process listens on {scheduler.address}" in done.stderr
    with Client(scheduler.address) as client:
        assert client.list() == []


def test_an_address_that_cannot_be_bound_is_named(folder: Path) -> None:
    address = f"unix:{folder}/absent/s.sock"

    done = run_scheduler("--listen", address, "--state", str(folder / "state"))

    assert done.returncode == 1
    assert f"cannot listen on {address}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("127.0.0.1:0", "127.0.0.1:0 would be open to everybody who can reach it: there is no TLS yet"),
        ("127.0.0.1", "'127.0.0.1' is no address: give unix:PATH or HOST:PORT"),
    ],
)
def test_an_address_that_must_not_be_is_refused(folder: Path, address: str, told: str) -> None:
    done = run_scheduler("--listen", address, "--state", str(folder / "state"))

    assert done.returncode == 1
    assert told in done.stderr


def test_a_scheduler_listens_on_tcp_when_told_that_this_is_insecure(folder: Path) -> None:
    scheduler = SchedulerProcess(folder, "--insecure")
    scheduler.address = "127.0.0.1:0"
    with scheduler:
        address = scheduler.first_line.split()[1]
        with Client(address) as client:
            assert client.machines() == []
        (warning,) = [json.loads(line) for line in scheduler.log().splitlines() if '"warning"' in line]

    assert warning["event"] == "open to everybody who can reach it"
    assert warning["address"] == "127.0.0.1:0"
    assert "run programs on every machine" in warning["open"]


def test_a_scheduler_closes_a_descriptor_when_it_listens(folder: Path) -> None:
    address = f"unix:{folder}/s.sock"
    reads, writes = os.pipe()
    arguments = command("--listen", address, "--state", str(folder / "state"))
    with subprocess.Popen([*arguments, "--ready-descriptor", str(writes)], pass_fds=[writes]) as process:
        os.close(writes)
        try:
            is_told = bool(select.select([reads], [], [], 30)[0])
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(f"{folder}/s.sock")
        finally:
            process.kill()
            os.close(reads)

    assert is_told


def test_a_scheduler_whose_parent_is_gone_ends(folder: Path) -> None:
    """Process 1 is not its parent, so the parent that was named is gone already."""
    address = f"unix:{folder}/s.sock"
    assert os.getpid() != 1

    done = run_scheduler("--listen", address, "--state", str(folder / "state"), "--die-with-parent", "1")

    assert done.returncode == -9
