"""On which CPUs loops run, as it is told, and what `up --loop-cpus` refuses."""

from __future__ import annotations

import json

import pytest
from command_line import COUNT, Mesh, meshctl_of
from running import until
from scheduler_process import FakeMachine, Report

from rtmesh.v1 import machine_pb2, status_pb2


@pytest.fixture
def told(mesh: Mesh, bench: FakeMachine) -> Mesh:
    """A mesh on which `count` runs, its counter's loop on CPU 1."""
    mesh.run("apply", "-f", COUNT, "--wait")
    status = status_pb2.NodeStatus(
        name="counter",
        state=status_pb2.NODE_STATE_RUNNING,
        machine="bench",
        epoch=1,
        loop=status_pb2.ProcessStatus(process_id=77, cpus="1"),
        service=status_pb2.ProcessStatus(process_id=78, cpus="0-3"),
    )
    bench.report(Report(node=machine_pb2.NodeReport(run=mesh.client.get("count").run, status=status)))
    until(lambda: mesh.client.get("count").nodes[0].loop.cpus, 10, "the CPUs")
    return mesh


def test_the_cpus_of_a_node_are_shown(told: Mesh) -> None:
    head, counter, summer = told.run("get", "nodes", "-o", "wide").stdout.splitlines()

    column = head.index("cpus")
    assert (counter[column:].split()[0], summer[column:].split()[0]) == ("1", "-")
    assert "process 77, 0 % of a CPU, on CPU 1, " in told.run("describe", "node", "count/counter").stdout


def test_the_cpus_of_a_node_are_there_for_programs(told: Mesh) -> None:
    counter, summer = json.loads(told.run("get", "nodes", "-o", "json").stdout)

    assert counter["cpus"] == {"loop": "1", "service": "0-3"}
    assert summer["cpus"] == {"loop": "", "service": ""}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("60000", "CPU 60000 does not exist or may not be used here: choose among "),
        ("two", "'two' is neither auto, any nor a list of CPUs: write for example 2,3 or 2-5"),
    ],
)
def test_up_refuses_cpus_that_are_not_there_before_anything_starts(text: str, said: str) -> None:
    result = meshctl_of({}, "up", COUNT, "--loop-cpus", text)

    assert result.exit_code == 2
    assert f"Invalid value for '--loop-cpus': {said}" in result.stderr
