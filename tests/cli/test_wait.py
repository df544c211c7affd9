"""`meshctl wait` and `delete`: until something is so, or cannot be any more."""

from __future__ import annotations

import os
import subprocess

import pytest
from command_line import COUNT, Mesh, tell_states, the_plan
from running import MESHCTL
from scheduler_process import FakeMachine, Order, Report, all_goes_well
from small_graphs import chain

from rtmesh.v1 import machine_pb2


@pytest.fixture
def counting(mesh: Mesh, bench: FakeMachine) -> Mesh:
    mesh.run("apply", "-f", COUNT, "--wait")
    return mesh


def test_a_graph_that_is_there_already_is_not_waited_for(counting: Mesh) -> None:
    result = counting.run("wait", "count", "--for", "running")

    assert result.exit_code == 0
    assert result.stdout == f"graph count running (run {counting.client.get('count').run})\n"


def test_waiting_goes_on_until_the_graph_runs(mesh: Mesh) -> None:
    mesh.apply(chain("cursor", "pointer@late"))
    waiting = Beside(mesh, "wait", "cursor", "--for", "running")

    with FakeMachine(mesh.address, "late"):
        status, out, _ = waiting.end()
        assert status == 0 and out.startswith("graph cursor running")
        mesh.clear()


def test_waiting_for_completed_ends_when_every_node_has_ended(counting: Mesh, bench: FakeMachine) -> None:
    waiting = Beside(counting, "wait", "count", "--for", "completed")

    tell_states(bench, "ENDED")

    assert waiting.end()[0] == 0


def test_waiting_for_stopped_ends_when_the_graph_was_stopped(counting: Mesh, bench: FakeMachine) -> None:
    waiting = Beside(counting, "wait", "count", "--for", "stopped")

    counting.client.stop("count")

    assert waiting.end()[0] == 0


def test_waiting_for_failed_ends_when_a_node_failed(counting: Mesh, bench: FakeMachine) -> None:
    waiting = Beside(counting, "wait", "count", "--for", "failed")

    tell_states(bench, "FAILED")

    assert waiting.end()[0] == 0


@pytest.mark.parametrize("phase", ["running", "completed", "failed"])
def test_what_can_no_longer_come_true_is_given_up_at_once(
    counting: Mesh, bench: FakeMachine, phase: str
) -> None:
    counting.client.stop("count")
    counting.until_phase("count", "stopped")

    result = counting.run("wait", "count", "--for", phase)

    assert result.exit_code == 1
    assert "graph count is stopped (stopped on request)" in result.stderr
    assert f"it will not be {phase}" in result.stderr


def test_waiting_ends_when_the_graph_is_deleted(mesh: Mesh) -> None:
    mesh.apply(chain("cursor", "pointer@late"))
    waiting = Beside(mesh, "wait", "cursor", "--for", "running")

    mesh.run("delete", "cursor")

    status, _, err = waiting.end()
    assert status == 1
    assert err.startswith("error: ") and "graph cursor" in err or "graph 'cursor'" in err


def test_waiting_ends_after_the_timeout(mesh: Mesh) -> None:
    mesh.apply(chain("cursor", "pointer@late"))

    result = mesh.run("wait", "cursor", "--for", "running", "--timeout", "50ms")

    assert result.exit_code == 1
    assert "graph cursor is pending after 0.05 s (waiting for machine late to join)" in result.stderr


def test_delete_returns_when_nothing_is_left(counting: Mesh) -> None:
    result = counting.run("delete", "count")

    assert result.exit_code == 0 and result.stdout == "graph count deleted\n"
    assert counting.client.list() == []


def test_delete_does_not_wait_if_so_told_and_waits_no_longer_than_told(mesh: Mesh) -> None:
    with FakeMachine(mesh.address, "bench", slow_to_end) as machine:
        machine.wait_for("welcome")
        mesh.run("apply", "-f", COUNT, "--wait")

        at_once = mesh.run("delete", "count", "--no-wait")
        late = mesh.run("delete", "count", "--timeout", "50ms")

        assert at_once.exit_code == 0 and at_once.stdout == "graph count is being deleted\n"
        assert late.exit_code == 1 and "graph count is " in late.stderr
        machine.report(Report(ended=machine_pb2.Ended(run=the_plan(machine).run)))
        mesh.clear()


class Beside:
    """A verb that runs in a process of its own, while the test goes on."""

    def __init__(self, mesh: Mesh, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [*MESHCTL, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "MESHCTL_SCHEDULER": mesh.address},
        )

    def end(self) -> tuple[int, str, str]:
        """Exit status, stdout and stderr."""
        out, err = self._process.communicate(timeout=30)
        return self._process.returncode, out, err


def slow_to_end(machine: FakeMachine, order: Order) -> list[Report]:
    return [] if order.WhichOneof("order") == "stop" else all_goes_well(machine, order)
