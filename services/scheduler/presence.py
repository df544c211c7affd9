"""Machines that join, are lost or die, and what they report of the runs that they carry. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rtmesh.scheduler import absence, changes, reports
from rtmesh.scheduler.effects import Turn
from rtmesh.scheduler.events import MachineJoined, MachineLost, Reported
from rtmesh.scheduler.mesh import Mesh
from rtmesh.scheduler.runs import Run
from rtmesh.v1 import machine_pb2

# Reports that a machine makes only of runs that it carries.
TELL_OF_CARRYING = frozenset({"prepared", "node", "link", "accounts"})


def joined(mesh: Mesh, event: MachineJoined, welcome: machine_pb2.Welcome, turn: Turn) -> None:
    """A machine has come, or come back. Raises RtmeshError: it cannot join."""
    mesh.machines.join(event.hello)
    turn.send(event.hello.machine, machine_pb2.JoinResponse(welcome=welcome))
    for run in event.hello.runs:
        _carries(mesh, event.hello.machine, run, turn)
    for entry in mesh.graphs.values():
        if entry.run is not None and event.hello.machine in entry.run.awaited():
            absence.back_without(entry.run, event.hello.machine, turn)
    mesh.go_on_all(turn)


def lost(mesh: Mesh, event: MachineLost, turn: Turn) -> None:
    """A machine is not heard any more; it may live."""
    since_ns = turn.now_ns - event.silent_ns
    mesh.machines.lose(event.machine, since_ns)
    for entry in mesh.graphs.values():
        if entry.run is not None:
            absence.lose(entry.run, event.machine, since_ns, turn)
        if entry.change is not None:
            changes.lose(entry.change, event.machine, turn)
    mesh.go_on_all(turn)


def died(mesh: Mesh, machine: str, turn: Turn) -> None:
    """The process of a machine's meshd has certainly ended."""
    if mesh.machines.is_joined(machine):
        return  # the one that is joined now is another
    for entry in mesh.graphs.values():
        if entry.run is not None:
            absence.die(entry.run, machine, turn)
    mesh.go_on_all(turn)


def reported(mesh: Mesh, event: Reported, turn: Turn) -> None:
    """Take in what a machine tells of itself, or of a run."""
    kind = event.report.WhichOneof("report")
    if kind == "clock":
        mesh.machines[event.machine].clock = event.report.clock
    if kind == "keep_awake":
        mesh.machines[event.machine].keep_awake = event.report.keep_awake
    if kind not in _TAKE:
        return
    told = getattr(event.report, kind)
    if kind == "accounts":
        mesh.machines[event.machine].processes = list(told.processes)
    if kind in TELL_OF_CARRYING and not _carries(mesh, event.machine, told.run, turn):
        return
    change = mesh.change(told.run)
    if change is not None and kind == "preflighted":
        changes.answered(change, event.machine, told, turn)
        mesh.go_on(mesh.graphs[change.graph.name], turn)
        return
    run = mesh.run(told.run)
    if run is not None and event.machine in run.parts:
        _TAKE[kind](run, event.machine, told, turn)
        mesh.go_on(mesh.graphs[run.name], turn)


def _carries(mesh: Mesh, machine: str, name: str, turn: Turn) -> bool:
    """Note that a machine carries a run: taken back if it was lost, ended if nobody wants it.

    Returns whether the run is wanted from that machine.
    """
    run = mesh.run(name)
    if run is not None and reports.is_wanted_from(run, machine):
        reports.take_back(run, machine, turn)
        return True
    orphans = mesh.machines[machine].orphans
    if name not in orphans:
        orphans.add(name)
        turn.send(machine, machine_pb2.JoinResponse(stop=machine_pb2.Stop(run=name)))
    return False


_TAKE: dict[str | None, Callable[[Run, str, Any, Turn], None]] = {
    "preflighted": reports.preflighted,
    "prepared": reports.prepared,
    "node": reports.node,
    "link": reports.link,
    "accounts": reports.accounts,
    "ended": reports.ended,
}
