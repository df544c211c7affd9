"""All that the scheduler holds: the graphs, the machines, and what follows after any change. Pure."""

from __future__ import annotations

from functools import partial

from rtmesh.common.errors import NotFoundError
from rtmesh.scheduler import lifecycle, restart
from rtmesh.scheduler.changes import Change
from rtmesh.scheduler.effects import (
    ForgetGraph,
    GraphChanged,
    SaveRun,
    SaveRunCounter,
    Turn,
)
from rtmesh.scheduler.events import Restarted
from rtmesh.scheduler.graphs import Entry, nodes_carried, restore
from rtmesh.scheduler.machines import Machines
from rtmesh.scheduler.run_names import run_name
from rtmesh.scheduler.runs import Run, Stage
from rtmesh.scheduler.status import graph_status
from rtmesh.v1 import status_pb2


class Mesh:
    """Graphs by name, machines, and how many runs were named.

    Args:
        run_counter: how many runs were named before.
    """

    def __init__(self, run_counter: int) -> None:
        self.run_counter = run_counter
        self.machines = Machines()
        self.graphs: dict[str, Entry] = {}
        self.now_ns = 0  # of the last event

    def entry(self, name: str) -> Entry:
        """A graph. Raises NotFoundError."""
        if name not in self.graphs:
            known = ", ".join(sorted(self.graphs))
            raise NotFoundError(
                f"there is no graph {name}", f"known: {known}" if known else "none was applied yet"
            )
        return self.graphs[name]

    def run(self, name: str) -> Run | None:
        """The run of that name, if it is the one that its graph shows."""
        runs = (entry.run for entry in self.graphs.values())
        return next((run for run in runs if run is not None and run.id == name), None)

    def change(self, run: str) -> Change | None:
        """The change of that name, if machines are being asked, or have agreed."""
        changes = (entry.change for entry in self.graphs.values())
        return next((change for change in changes if change is not None and change.run == run), None)

    def status(self, name: str) -> status_pb2.GraphStatus:
        """The status of a graph. Raises NotFoundError."""
        entry = self.entry(name)
        return entry.stored if entry.run is None else self._status(entry.run)

    def name_run(self, salt: str) -> str:
        """A name that no run had before."""
        self.run_counter += 1
        return run_name(self.run_counter, salt)

    def restore(self, event: Restarted, turn: Turn) -> None:
        """Take up what a scheduler before this one had stored."""
        for record in event.records:
            self.machines.recall(record.status.machines)
            name_run = partial(self._name_and_record_run, event.salt, turn)
            entry = self.graphs[record.graph.name] = restore(record, name_run, turn)
            self.go_on(entry, turn)

    def _name_and_record_run(self, salt: str, turn: Turn) -> str:
        name = self.name_run(salt)
        turn.add(SaveRunCounter(self.run_counter))
        return name

    def go_on_all(self, turn: Turn) -> None:
        """`go_on` for every graph."""
        for entry in list(self.graphs.values()):
            self.go_on(entry, turn)

    def go_on(self, entry: Entry, turn: Turn) -> None:
        """After anything that may have changed a graph: place it, save it, begin what follows, forget it."""
        run = entry.run
        if entry.change is not None and entry.change.is_over:
            entry.change = None
        if run is not None and run.stage is Stage.PENDING:
            lifecycle.place(run, self.machines.data_addresses(), nodes_carried(self.graphs.values()), turn)
        self.save(entry, turn)
        if entry.follow():
            self.go_on(entry, turn)
        elif entry.is_to_be_forgotten:
            self._forget(entry, turn)
        else:
            turn.add(GraphChanged(entry.graph.name))

    def save(self, entry: Entry, turn: Turn) -> None:
        """Have a graph's run stored if it has changed."""
        run = entry.run
        if run is not None and not run.is_saved:
            run.is_saved, run.has_news, run.saved_ns = True, False, turn.now_ns
            turn.add(SaveRun(self._status(run), restart.life_of(run)))

    def _status(self, run: Run) -> status_pb2.GraphStatus:
        return graph_status(run, self.machines, self.now_ns)

    def _forget(self, entry: Entry, turn: Turn) -> None:
        name = entry.graph.name
        last = self.status(name)
        del self.graphs[name]
        turn.add(ForgetGraph(name, last))
