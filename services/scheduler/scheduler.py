"""The scheduler: holds what should run and decides what is done about it. Events in, effects out.

Pure: no clock, no network, no file. The time comes in with each event, as mesh time in ns; effects
are carried out by `server`, in the order in which they are given. The answer to Apply is an effect
too; a request that cannot be granted raises and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from rtmesh.common.errors import NotFoundError
from rtmesh.scheduler import absence, changes, deadlines, lifecycle, reports, restart
from rtmesh.scheduler.changes import Change
from rtmesh.scheduler.checks import check_graph
from rtmesh.scheduler.effects import (
    Applied,
    Desired,
    Effect,
    ForgetGraph,
    GraphChanged,
    NextTick,
    SaveGraph,
    SaveRun,
    SaveRunCounter,
    Turn,
)
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
from rtmesh.scheduler.graphs import Entry, nodes_carried, restore
from rtmesh.scheduler.history import History
from rtmesh.scheduler.machines import Machines
from rtmesh.scheduler.run_names import run_name
from rtmesh.scheduler.runs import Run, Stage
from rtmesh.scheduler.status import find_carrier, graph_status
from rtmesh.v1 import graph_pb2, machine_pb2, scheduler_pb2, status_pb2

# Reports that a machine makes only of runs that it carries.
TELL_OF_CARRYING = frozenset({"prepared", "node", "link", "accounts"})


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
        self._run_counter = run_counter
        self._machines = Machines()
        self._graphs: dict[str, Entry] = {}
        self._now_ns = 0  # of the last event
        self.tick_at_ns: int | None = None

    def handle(self, event: Event, now_ns: int) -> list[Effect]:
        """Take in one event; what must be done about it, in order.

        Raises:
            RtmeshError: the event is a request that cannot be granted; nothing was changed.
        """
        turn = Turn(now_ns)
        self._now_ns = now_ns
        self._dispatch(event, turn)
        self._set_tick(turn)
        return turn.effects

    def _dispatch(self, event: Event, turn: Turn) -> None:
        match event:
            case Reported():
                self._reported(event, turn)
            case MachineJoined():
                self._joined(event, turn)
            case MachineLost():
                self._lost(event, turn)
            case MachineDied():
                self._died(event.machine, turn)
            case Apply():
                self._apply(event, turn)
            case Replace():
                self._replace(event, turn)
            case StopGraph() | DeleteGraph():
                self._end(event, turn)
            case Tick():
                self._tick(turn)
            case Restarted():
                self._restarted(event, turn)

    def status(self, name: str) -> status_pb2.GraphStatus:
        """The status of a graph. Raises NotFoundError."""
        entry = self._entry(name)
        return entry.stored if entry.run is None else self._status(entry.run)

    def phase(self, name: str) -> status_pb2.GraphPhase:
        """The phase of a graph. Raises NotFoundError."""
        entry = self._entry(name)
        return entry.stored.phase if entry.run is None else entry.run.phase

    def statuses(self) -> list[status_pb2.GraphStatus]:
        """The status of every graph, by name."""
        return [self.status(name) for name in sorted(self._graphs)]

    def machine_statuses(self, now_ns: int | None = None) -> list[status_pb2.MachineStatus]:
        """Every machine that is or was joined, by name."""
        return self._machines.statuses(self._now_ns if now_ns is None else now_ns)

    def definition(self, name: str) -> graph_pb2.Graph:
        """A graph as it was applied. Raises NotFoundError."""
        return self._entry(name).graph

    def carrier(self, name: str, node: str) -> tuple[str, str]:
        """The joined machine that carries a node, or carried it last, and the node's run.

        Raises:
            NotFoundError: there is no such graph or node, or it never ran.
            UnavailableError: its machine is not connected.
        """
        return find_carrier(self.status(name), node, self._machines)

    def to_record(self, event: Apply | Replace) -> list[SaveGraph | SaveRunCounter]:
        """What must be stored before the event may be handled: nothing if it will change nothing.

        Raises ProblemsError: the graph cannot be planned.
        """
        if isinstance(event, Replace):
            change = self._change(event.run)
            return [SaveGraph(change.graph, Desired.RUNNING, change.run)] if change else []
        check_graph(event.graph)
        entry = self._graphs.get(event.graph.name)
        if entry is not None and entry.is_running(event.graph):
            return []
        counter = SaveRunCounter(self._run_counter + 1)
        if entry is not None and entry.to_be_spared:
            return [counter]
        return [counter, SaveGraph(event.graph, Desired.RUNNING, run_name(counter.value, event.salt))]

    def change(self, name: str) -> str:
        """The run that is to replace a graph's, while machines are being asked. Raises NotFoundError."""
        change = self._entry(name).change
        if change is None:
            raise NotFoundError(f"nothing is to replace the run of graph {name}")
        return change.run

    def checkpoint(self, now_ns: int) -> list[Effect]:
        """What to store when the scheduler ends: the status of all that lives, as of now."""
        turn = Turn(now_ns)
        self._now_ns = now_ns
        for entry in self._graphs.values():
            if entry.run is not None and not entry.run.is_ended:
                entry.run.is_saved = False
                self._save(entry, turn)
        return turn.effects

    def _restarted(self, event: Restarted, turn: Turn) -> None:
        for record in event.records:
            self._machines.recall(record.status.machines)
            name_run = partial(self._name_and_record_run, event.salt, turn)
            entry = self._graphs[record.graph.name] = restore(record, name_run, turn)
            self._go_on(entry, turn)

    # requests of users

    def _apply(self, event: Apply, turn: Turn) -> None:
        check_graph(event.graph)
        name = event.graph.name
        entry = self._graphs.get(name)
        if entry is not None and entry.is_running(event.graph):
            assert entry.newest is not None, "a graph that runs has a run"
            entry.give_up_change("the graph that runs was applied again", turn)
            turn.add(Applied(entry.newest.id, scheduler_pb2.APPLY_OUTCOME_UNCHANGED))
            return
        if entry is not None and entry.to_be_spared:
            self._ask_for_change(entry, entry.to_be_spared, event, turn)
            return
        outcome = scheduler_pb2.APPLY_OUTCOME_CONFIGURED if entry else scheduler_pb2.APPLY_OUTCOME_CREATED
        if entry is None:
            entry = self._graphs[name] = Entry(event.graph, History(name))
        self._begin(entry, event.graph, Applied(self._name_run(event.salt), outcome), turn)

    def _begin(self, entry: Entry, graph: graph_pb2.Graph, applied: Applied, turn: Turn) -> None:
        entry.give_up_change("another graph was applied", turn)
        run = Run(graph, applied.run, entry.history, turn.now_ns)
        entry.history.record(turn, f"graph {graph.name}", f"applied as run {run.id}")
        entry.begin(run, turn)
        turn.add(applied)
        self._go_on(entry, turn)

    def _ask_for_change(self, entry: Entry, beside: Run, event: Apply, turn: Turn) -> None:
        name = run_name(self._run_counter + 1, event.salt)
        others = [other for other in self._graphs.values() if other is not entry]
        addresses = self._machines.data_addresses()
        plan = changes.plan_change(event.graph, name, addresses, nodes_carried(others), beside)
        entry.give_up_change("another change was applied", turn)
        change = Change(
            event.graph, self._name_run(event.salt), beside, turn.now_ns + changes.ANSWER_TIMEOUT_NS
        )
        entry.change = change
        changes.ask(change, plan, turn)
        self._go_on(entry, turn)

    def _replace(self, event: Replace, turn: Turn) -> None:
        entry, change = self._graphs.get(event.name), self._change(event.run)
        if entry is None or change is None:
            return  # given up meanwhile: its Apply has been answered
        entry.change = None
        if event.refusal is None:
            applied = Applied(change.run, scheduler_pb2.APPLY_OUTCOME_CONFIGURED)
            self._begin(entry, change.graph, applied, turn)
        else:
            changes.end(change, event.refusal, str(event.refusal), turn)
            self._go_on(entry, turn)

    def _change(self, run: str) -> Change | None:
        """The change of that name, if machines are being asked, or have agreed."""
        changes_ = (entry.change for entry in self._graphs.values())
        return next((change for change in changes_ if change is not None and change.run == run), None)

    def _end(self, event: StopGraph | DeleteGraph, turn: Turn) -> None:
        entry = self._entry(event.name)
        desired = Desired.STOPPED if isinstance(event, StopGraph) else Desired.DELETED
        entry.give_up_change(f"it is to be {desired}", turn)
        if entry.desired is not Desired.DELETED:
            turn.add(SaveGraph(entry.graph, desired, entry.newest_id))
            entry.end(desired, turn)
        self._go_on(entry, turn)

    def _name_run(self, salt: str) -> str:
        self._run_counter += 1
        return run_name(self._run_counter, salt)

    def _name_and_record_run(self, salt: str, turn: Turn) -> str:
        name = self._name_run(salt)
        turn.add(SaveRunCounter(self._run_counter))
        return name

    # machines

    def _joined(self, event: MachineJoined, turn: Turn) -> None:
        self._machines.join(event.hello)
        monotonic_ns = turn.now_ns - self._mesh_offset_ns
        welcome = machine_pb2.Welcome(
            mesh_offset_ns=self._mesh_offset_ns,
            scheduler_monotonic_ns=monotonic_ns,
            clock_id=self._clock_id,
        )
        turn.send(event.hello.machine, machine_pb2.JoinResponse(welcome=welcome))
        for run in event.hello.runs:
            self._carries(event.hello.machine, run, turn)
        for entry in self._graphs.values():
            if entry.run is not None and event.hello.machine in entry.run.awaited():
                absence.back_without(entry.run, event.hello.machine, turn)
        self._go_on_all(turn)

    def _lost(self, event: MachineLost, turn: Turn) -> None:
        since_ns = turn.now_ns - event.silent_ns
        self._machines.lose(event.machine, since_ns)
        for entry in self._graphs.values():
            if entry.run is not None:
                absence.lose(entry.run, event.machine, since_ns, turn)
            if entry.change is not None:
                changes.lose(entry.change, event.machine, turn)
        self._go_on_all(turn)

    def _died(self, machine: str, turn: Turn) -> None:
        if self._machines.is_joined(machine):
            return  # the one that is joined now is another
        for entry in self._graphs.values():
            if entry.run is not None:
                absence.die(entry.run, machine, turn)
        self._go_on_all(turn)

    def _reported(self, event: Reported, turn: Turn) -> None:
        kind = event.report.WhichOneof("report")
        if kind == "clock":
            self._machines[event.machine].clock = event.report.clock
        if kind not in _TAKE:
            return
        told = getattr(event.report, kind)
        if kind == "accounts":
            self._machines[event.machine].processes = list(told.processes)
        if kind in TELL_OF_CARRYING and not self._carries(event.machine, told.run, turn):
            return
        change = self._change(told.run)
        if change is not None and kind == "preflighted":
            changes.answered(change, event.machine, told, turn)
            self._go_on(self._graphs[change.graph.name], turn)
            return
        run = self._run(told.run)
        if run is not None and event.machine in run.parts:
            _TAKE[kind](run, event.machine, told, turn)
            self._go_on(self._graphs[run.name], turn)

    def _carries(self, machine: str, name: str, turn: Turn) -> bool:
        """Note that a machine carries a run: taken back if it was lost, ended if nobody wants it.

        Returns whether the run is wanted from that machine.
        """
        run = self._run(name)
        if run is not None and reports.is_wanted_from(run, machine):
            reports.take_back(run, machine, turn)
            return True
        orphans = self._machines[machine].orphans
        if name not in orphans:
            orphans.add(name)
            turn.send(machine, machine_pb2.JoinResponse(stop=machine_pb2.Stop(run=name)))
        return False

    # time

    def _tick(self, turn: Turn) -> None:
        for entry in list(self._graphs.values()):
            if entry.change is not None:
                changes.expire(entry.change, turn)
            if entry.run is not None:
                deadlines.expire(entry.run, turn)
                self._go_on(entry, turn)

    def _set_tick(self, turn: Turn) -> None:
        runs = [entry.run for entry in self._graphs.values() if entry.run is not None]
        due = [run.next_deadline_ns(turn.now_ns) for run in runs]
        due += [entry.change.deadline_ns for entry in self._graphs.values() if entry.change is not None]
        deadline_ns = min((time_ns for time_ns in due if time_ns is not None), default=None)
        if deadline_ns != self.tick_at_ns:
            self.tick_at_ns = deadline_ns
            turn.add(NextTick(deadline_ns))

    # graphs

    def _entry(self, name: str) -> Entry:
        if name not in self._graphs:
            known = ", ".join(sorted(self._graphs))
            raise NotFoundError(
                f"there is no graph {name}", f"known: {known}" if known else "none was applied yet"
            )
        return self._graphs[name]

    def _run(self, name: str) -> Run | None:
        """The run of that name, if it is the one that its graph shows."""
        runs = (entry.run for entry in self._graphs.values())
        return next((run for run in runs if run is not None and run.id == name), None)

    def _go_on_all(self, turn: Turn) -> None:
        for entry in list(self._graphs.values()):
            self._go_on(entry, turn)

    def _go_on(self, entry: Entry, turn: Turn) -> None:
        """After anything that may have changed a graph: place it, save it, begin what follows, forget it."""
        run = entry.run
        if entry.change is not None and entry.change.is_over:
            entry.change = None
        if run is not None and run.stage is Stage.PENDING:
            lifecycle.place(run, self._machines.data_addresses(), nodes_carried(self._graphs.values()), turn)
        self._save(entry, turn)
        if entry.follow():
            self._go_on(entry, turn)
        elif entry.is_to_be_forgotten:
            self._forget(entry, turn)
        else:
            turn.add(GraphChanged(entry.graph.name))

    def _save(self, entry: Entry, turn: Turn) -> None:
        run = entry.run
        if run is not None and not run.is_saved:
            run.is_saved, run.has_news, run.saved_ns = True, False, turn.now_ns
            turn.add(SaveRun(self._status(run), restart.life_of(run)))

    def _status(self, run: Run) -> status_pb2.GraphStatus:
        return graph_status(run, self._machines, self._now_ns)

    def _forget(self, entry: Entry, turn: Turn) -> None:
        name = entry.graph.name
        last = self.status(name)
        del self._graphs[name]
        turn.add(ForgetGraph(name, last))


_TAKE: dict[str | None, Callable[[Run, str, Any, Turn], None]] = {
    "preflighted": reports.preflighted,
    "prepared": reports.prepared,
    "node": reports.node,
    "link": reports.link,
    "accounts": reports.accounts,
    "ended": reports.ended,
}
