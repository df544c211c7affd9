"""What is told of CPUs that are kept awake, and what `up --keep-awake` says where they cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import COUNT, Mesh, meshctl_of
from running import until
from scheduler_process import FakeMachine, Report
from sleepless import make_stand_ins

from rtmesh.v1 import status_pb2

NAMES = {
    status_pb2.KEEP_AWAKE_OFF: ("off", "no: CPUs may sleep between messages (meshd --keep-awake)"),
    status_pb2.KEEP_AWAKE_IDLE: ("idle", "while a graph runs there; none does now"),
    status_pb2.KEEP_AWAKE_NOW: ("now", "yes: no CPU sleeps while a graph runs there"),
}


def tell(mesh: Mesh, machine: FakeMachine, state: status_pb2.KeepAwake) -> None:
    machine.report(Report(keep_awake=state))
    until(lambda: mesh.client.machines()[0].keep_awake == state, 10, "the state")


def listed(mesh: Mesh) -> object:
    (machine,) = json.loads(mesh.run("get", "machines", "-o", "json").stdout)
    return machine["keep_awake"]


@pytest.mark.parametrize("state", NAMES)
def test_whether_a_machine_is_kept_awake_is_told(
    mesh: Mesh, bench: FakeMachine, state: status_pb2.KeepAwake
) -> None:
    tell(mesh, bench, state)
    name, words = NAMES[state]

    head, row = mesh.run("get", "machines", "-o", "wide").stdout.splitlines()
    assert head.split()[-3:] == ["awake", "kernel", "processes"]
    assert row.split()[-3] == name
    assert listed(mesh) == name
    assert f"kept awake  {words}" in mesh.run("describe", "machine", "bench").stdout


def test_a_machine_that_said_nothing_of_it_shows_a_dash(mesh: Mesh, bench: FakeMachine) -> None:
    assert listed(mesh) is None
    assert mesh.run("get", "machines", "-o", "wide").stdout.splitlines()[1].split()[-3] == "-"


def test_nothing_is_told_of_a_machine_that_is_gone(mesh: Mesh) -> None:
    with FakeMachine(mesh.address, "bench") as machine:
        machine.wait_for("welcome")
        tell(mesh, machine, status_pb2.KEEP_AWAKE_NOW)

    until(lambda: not mesh.client.machines()[0].connected, 10, "the machine to be gone")
    assert listed(mesh) is None


def test_up_refuses_in_one_line_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = make_stand_ins(tmp_path)
    kernel.use(monkeypatch)
    kernel.device.unlink()

    result = meshctl_of({}, "up", COUNT, "--keep-awake")

    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: the CPUs cannot be kept awake: there is no {kernel.device}: ")
    assert len(result.stderr.splitlines()) == 1
