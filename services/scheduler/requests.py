"""What users ask of the mesh: to run a graph, to run a changed one in its place, to end it. Pure."""

from __future__ import annotations

from rtmesh.scheduler import changes
from rtmesh.scheduler.changes import Change
from rtmesh.scheduler.checks import check_graph
from rtmesh.scheduler.effects import Applied, Desired, SaveGraph, SaveRunCounter, Turn
from rtmesh.scheduler.events import Apply, DeleteGraph, Replace, StopGraph
from rtmesh.scheduler.graphs import Entry, nodes_carried
from rtmesh.scheduler.history import History
from rtmesh.scheduler.mesh import Mesh
from rtmesh.scheduler.run_names import run_name
from rtmesh.scheduler.runs import Run
from rtmesh.v1 import graph_pb2, scheduler_pb2


def to_record(mesh: Mesh, event: Apply | Replace) -> list[SaveGraph | SaveRunCounter]:
    """What must be stored before the event may be handled: nothing if it will change nothing.

    Raises ProblemsError: the graph cannot be planned.
    """
    if isinstance(event, Replace):
        change = mesh.change(event.run)
        return [SaveGraph(change.graph, Desired.RUNNING, change.run)] if change else []
    check_graph(event.graph)
    entry = mesh.graphs.get(event.graph.name)
    if entry is not None and entry.is_running(event.graph):
        return []
    counter = SaveRunCounter(mesh.run_counter + 1)
    if entry is not None and entry.to_be_spared:
        return [counter]
    return [counter, SaveGraph(event.graph, Desired.RUNNING, run_name(counter.value, event.salt))]


def apply(mesh: Mesh, event: Apply, turn: Turn) -> None:
    """Make a graph wanted; where one of its name runs, ask the machines first.

    Raises RtmeshError: it cannot run.
    """
    check_graph(event.graph)
    name = event.graph.name
    entry = mesh.graphs.get(name)
    if entry is not None and entry.is_running(event.graph):
        assert entry.newest is not None, "a graph that runs has a run"
        entry.give_up_change("the graph that runs was applied again", turn)
        turn.add(Applied(entry.newest.id, scheduler_pb2.APPLY_OUTCOME_UNCHANGED))
        return
    if entry is not None and entry.to_be_spared:
        _ask_for_change(mesh, entry, entry.to_be_spared, event, turn)
        return
    outcome = scheduler_pb2.APPLY_OUTCOME_CONFIGURED if entry else scheduler_pb2.APPLY_OUTCOME_CREATED
    if entry is None:
        entry = mesh.graphs[name] = Entry(event.graph, History(name))
    _begin(mesh, entry, event.graph, Applied(mesh.name_run(event.salt), outcome), turn)


def _begin(mesh: Mesh, entry: Entry, graph: graph_pb2.Graph, applied: Applied, turn: Turn) -> None:
    entry.give_up_change("another graph was applied", turn)
    run = Run(graph, applied.run, entry.history, turn.now_ns)
    entry.history.record(turn, f"graph {graph.name}", f"applied as run {run.id}")
    entry.begin(run, turn)
    turn.add(applied)
    mesh.go_on(entry, turn)


def _ask_for_change(mesh: Mesh, entry: Entry, beside: Run, event: Apply, turn: Turn) -> None:
    name = run_name(mesh.run_counter + 1, event.salt)
    others = [other for other in mesh.graphs.values() if other is not entry]
    addresses = mesh.machines.data_addresses()
    plan = changes.plan_change(event.graph, name, addresses, nodes_carried(others), beside)
    entry.give_up_change("another change was applied", turn)
    change = Change(event.graph, mesh.name_run(event.salt), beside, turn.now_ns + changes.ANSWER_TIMEOUT_NS)
    entry.change = change
    changes.ask(change, plan, turn)
    mesh.go_on(entry, turn)


def replace(mesh: Mesh, event: Replace, turn: Turn) -> None:
    """Machines have answered for a change: make it, or give it up."""
    entry, change = mesh.graphs.get(event.name), mesh.change(event.run)
    if entry is None or change is None:
        return  # given up meanwhile: its Apply has been answered
    entry.change = None
    if event.refusal is None:
        applied = Applied(change.run, scheduler_pb2.APPLY_OUTCOME_CONFIGURED)
        _begin(mesh, entry, change.graph, applied, turn)
    else:
        changes.end(change, event.refusal, str(event.refusal), turn)
        mesh.go_on(entry, turn)


def end(mesh: Mesh, event: StopGraph | DeleteGraph, turn: Turn) -> None:
    """Stop a graph, or stop and forget it. Raises NotFoundError."""
    entry = mesh.entry(event.name)
    desired = Desired.STOPPED if isinstance(event, StopGraph) else Desired.DELETED
    entry.give_up_change(f"it is to be {desired}", turn)
    if entry.desired is not Desired.DELETED:
        turn.add(SaveGraph(entry.graph, desired, entry.newest_id))
        entry.end(desired, turn)
    mesh.go_on(entry, turn)
