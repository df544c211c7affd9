"""The scheduler: holds what should run and decides what is done about it. Events in, effects out.

Pure: no clock, no network, no file. The time comes in with each event, as mesh time in ns; effects
are carried out by `server`, in the order in which they are given. The answer to Apply is an effect
too; a request that cannot be granted raises and changes nothing.
"""

from __future__ import annotations

from rtmesh.common.errors import NotFoundError
from rtmesh.scheduler import changes, deadlines, presence, requests
from rtmesh.scheduler.effects import Effect, NextTick, SaveGraph, SaveRunCounter, Turn
from rtmesh.scheduler.events import (
    Apply,
    DeleteGraph,
    Event,
    MachineDied,
    MachineJoined,
    MachineLost,
    Replace,
    Reported,
    Restarted,
    StopGraph,
    Tick,
)
from rtmesh.scheduler.mesh import Mesh
from rtmesh.scheduler.status import find_carrier
from rtmesh.v1 import graph_pb2, machine_pb2, status_pb2


class Scheduler:
    """All graphs and machines of a mesh.

    Args:
        mesh_offset_ns: mesh time = CLOCK_MONOTONIC of the scheduler's machine + this.
        run_counter: how many runs were named before.
        clock_id: which clock that is; see `rtmesh.common.clock`.
    """

    def __init__(self, mesh_offset_ns: int, run_counter: int = 0, clock_id: str = "") -> None:
        self._mesh_offset_ns = mesh_offset_ns
        self._clock_id = clock_id
        self._mesh = Mesh(run_counter)
        self.tick_at_ns: int | None = None

    def handle(self, event: Event, now_ns: int) -> list[Effect]:
        """Take in one event; what must be done about it, in order.

        Raises:
            RtmeshError: the event is a request that cannot be granted; nothing was changed.
        """
        turn = Turn(now_ns)
        self._mesh.now_ns = now_ns
        self._dispatch(event, turn)
        self._set_tick(turn)
        return turn.effects

    def _dispatch(self, event: Event, turn: Turn) -> None:
        match event:
            case Reported():
                presence.reported(self._mesh, event, turn)
            case MachineJoined():
                presence.joined(self._mesh, event, self._welcome(turn), turn)
            case MachineLost():
                presence.lost(self._mesh, event, turn)
            case MachineDied():
                presence.died(self._mesh, event.machine, turn)
            case Apply():
                requests.apply(self._mesh, event, turn)
            case Replace():
                requests.replace(self._mesh, event, turn)
            case StopGraph() | DeleteGraph():
                requests.end(self._mesh, event, turn)
            case Tick():
                self._tick(turn)
            case Restarted():
                self._mesh.restore(event, turn)

    def status(self, name: str) -> status_pb2.GraphStatus:
        """The status of a graph. Raises NotFoundError."""
        return self._mesh.status(name)

    def phase(self, name: str) -> status_pb2.GraphPhase:
        """The phase of a graph. Raises NotFoundError."""
        entry = self._mesh.entry(name)
        return entry.stored.phase if entry.run is None else entry.run.phase

    def statuses(self) -> list[status_pb2.GraphStatus]:
        """The status of every graph, by name."""
        return [self.status(name) for name in sorted(self._mesh.graphs)]

    def machine_statuses(self, now_ns: int | None = None) -> list[status_pb2.MachineStatus]:
        """Every machine that is or was joined, by name."""
        return self._mesh.machines.statuses(self._mesh.now_ns if now_ns is None else now_ns)

    def definition(self, name: str) -> graph_pb2.Graph:
        """A graph as it was applied. Raises NotFoundError."""
        return self._mesh.entry(name).graph

    def carrier(self, name: str, node: str) -> tuple[str, str]:
        """The joined machine that carries a node, or carried it last, and the node's run.

        Raises:
            NotFoundError: there is no such graph or node, or it never ran.
            UnavailableError: its machine is not connected.
        """
        return find_carrier(self.status(name), node, self._mesh.machines)

    def to_record(self, event: Apply | Replace) -> list[SaveGraph | SaveRunCounter]:
        """What must be stored before the event may be handled: nothing if it will change nothing.

        Raises ProblemsError: the graph cannot be planned.
        """
        return requests.to_record(self._mesh, event)

    def change(self, name: str) -> str:
        """The run that is to replace a graph's, while machines are being asked. Raises NotFoundError."""
        change = self._mesh.entry(name).change
        if change is None:
            raise NotFoundError(f"nothing is to replace the run of graph {name}")
        return change.run

    def checkpoint(self, now_ns: int) -> list[Effect]:
        """What to store when the scheduler ends: the status of all that lives, as of now."""
        turn = Turn(now_ns)
        self._mesh.now_ns = now_ns
        for entry in self._mesh.graphs.values():
            if entry.run is not None and not entry.run.is_ended:
                entry.run.is_saved = False
                self._mesh.save(entry, turn)
        return turn.effects

    def _welcome(self, turn: Turn) -> machine_pb2.Welcome:
        return machine_pb2.Welcome(
            mesh_offset_ns=self._mesh_offset_ns,
            scheduler_monotonic_ns=turn.now_ns - self._mesh_offset_ns,
            clock_id=self._clock_id,
        )

    def _tick(self, turn: Turn) -> None:
        for entry in list(self._mesh.graphs.values()):
            if entry.change is not None:
                changes.expire(entry.change, turn)
            if entry.run is not None:
                deadlines.expire(entry.run, turn)
                self._mesh.go_on(entry, turn)

    def _set_tick(self, turn: Turn) -> None:
        entries = self._mesh.graphs.values()
        runs = [entry.run for entry in entries if entry.run is not None]
        due = [run.next_deadline_ns(turn.now_ns) for run in runs]
        due += [entry.change.deadline_ns for entry in entries if entry.change is not None]
        deadline_ns = min((time_ns for time_ns in due if time_ns is not None), default=None)
        if deadline_ns != self.tick_at_ns:
            self.tick_at_ns = deadline_ns
            turn.add(NextTick(deadline_ns))
