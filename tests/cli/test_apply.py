"""`meshctl apply`: a graph file becomes a graph of the mesh."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from command_line import COUNT, Mesh, fails, refuses, run_named
from scheduler_process import FakeMachine, Order, Report, all_goes_well, states

from rtmesh.v1 import status_pb2


def test_a_new_graph_is_created_and_the_next_step_is_said(mesh: Mesh) -> None:
    result = mesh.run("apply", "-f", COUNT)

    assert result.exit_code == 0
    assert result.stdout == f"graph count created (run {run_named(result.stdout)})\n"
    assert "meshctl wait count --for running" in result.stderr
    assert mesh.client.get("count").run == run_named(result.stdout)


def test_the_same_graph_again_is_unchanged_and_another_is_configured(mesh: Mesh) -> None:
    first = run_named(mesh.run("apply", "-f", COUNT).stdout)

    again = mesh.run("apply", "-f", COUNT.parent).stdout
    changed = mesh.run("apply", "-f", COUNT, "--set", "counter.count=5").stdout

    assert again == f"graph count unchanged (run {first})\n"
    assert "graph count configured" in changed and run_named(changed) != first


@pytest.mark.parametrize(("root", "told"), [("..", "count"), (".", "."), ("nodes", str(COUNT.parent))])
def test_the_folder_is_told_as_a_machine_finds_it_below_its_root(mesh: Mesh, root: str, told: str) -> None:
    mesh.run("apply", "-f", COUNT, "--root", COUNT.parent / root)

    assert mesh.client.definition("count").folder == told


def test_the_code_that_the_graph_runs_goes_with_it(mesh: Mesh) -> None:
    mesh.run("apply", "-f", COUNT)

    files = {file.path: file.sha256 for file in mesh.client.definition("count").files}
    counter = COUNT.parent / "nodes" / "counter.py"
    assert files["nodes/counter.py"] == hashlib.sha256(counter.read_bytes()).digest()
    assert "count/v1/count.proto" in files and "graph.yaml" in files


def test_waiting_returns_when_the_graph_runs(mesh: Mesh, bench: FakeMachine) -> None:
    result = mesh.run("apply", "-f", COUNT, "--wait")

    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[1] == "graph count running"


def test_a_graph_that_is_over_before_anybody_looks_has_been_running(mesh: Mesh) -> None:
    with FakeMachine(mesh.address, "bench", ends_at_once) as machine:
        machine.wait_for("welcome")
        result = mesh.run("apply", "-f", COUNT, "--wait")

    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[1] in ("graph count completed", "graph count running")


def test_waiting_for_a_changed_graph_is_not_misled_by_the_end_of_the_old_run(
    mesh: Mesh, bench: FakeMachine
) -> None:
    first = run_named(mesh.run("apply", "-f", COUNT, "--wait").stdout)

    result = mesh.run("apply", "-f", COUNT, "--set", "counter.count=5", "--wait")

    assert result.exit_code == 0, result.output
    status = mesh.client.get("count")
    assert status.phase == status_pb2.GRAPH_PHASE_RUNNING and status.run != first


def test_waiting_tells_every_problem_that_a_machine_has_with_it(mesh: Mesh) -> None:
    with FakeMachine(mesh.address, "bench", refuses) as machine:
        machine.wait_for("welcome")
        result = mesh.run("apply", "-f", COUNT, "--wait")

    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "error: bench: nodes.counter: there is no module nodes; install it",
        "error: bench: nodes.summer: CPU 64 does not exist; choose another",
    ]


def test_waiting_tells_a_node_that_failed_with_its_traceback(mesh: Mesh) -> None:
    with FakeMachine(mesh.address, "bench", fails) as machine:
        machine.wait_for("welcome")
        result = mesh.run("apply", "-f", COUNT, "--wait")

    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "error: node counter on bench failed: no such file",
        '  File "counter.py", line 3',
    ]


def test_waiting_ends_after_the_timeout_and_says_what_the_graph_waits_for(mesh: Mesh) -> None:
    result = mesh.run("apply", "-f", COUNT, "--wait", "--timeout", "100ms")

    assert result.exit_code == 1
    assert "graph count is pending after 0.1 s (waiting for a machine to join)" in result.stderr
    assert "meshctl describe graph count" in result.stderr


def test_a_graph_with_problems_is_not_applied(mesh: Mesh, tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("rtmesh: 1\nname: Bad\nnodes: {}\n")

    result = mesh.run("apply", "-f", bad)

    assert result.exit_code == 1
    assert "bad.yaml:2:7" in result.stderr
    assert mesh.client.list() == []


def ends_at_once(machine: FakeMachine, order: Order) -> list[Report]:
    if order.WhichOneof("order") == "start":
        return states(machine.plans[order.start.run], "ENDED")
    return all_goes_well(machine, order)
