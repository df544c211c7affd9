"""One graph over all its runs: what is wanted of it, the run that is shown, the run that follows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from rtmesh.scheduler import changes, lifecycle, restart
from rtmesh.scheduler.changes import Change
from rtmesh.scheduler.effects import Desired, SaveGraph, Turn
from rtmesh.scheduler.history import History
from rtmesh.scheduler.record import Record
from rtmesh.scheduler.reports import MADE
from rtmesh.scheduler.runs import Run, Stage, Verdict
from rtmesh.scheduler.verdicts import FAILED, STOPPED
from rtmesh.v1 import graph_pb2, status_pb2

# As stored of a run of which no machine holds anything.
UNMADE = (
    status_pb2.GRAPH_PHASE_UNSPECIFIED,
    status_pb2.GRAPH_PHASE_PENDING,
    status_pb2.GRAPH_PHASE_STARTING,
)


@dataclass
class Entry:
    """A graph. `run` is None only after a restart of the scheduler: then `stored` is what is shown."""

    graph: graph_pb2.Graph
    history: History
    desired: Desired = Desired.RUNNING
    run: Run | None = None
    following: Run | None = None  # begins when `run` has ended
    change: Change | None = None  # asked of machines, while `run` goes on
    stored: status_pb2.GraphStatus = field(default_factory=status_pb2.GraphStatus)

    @property
    def newest(self) -> Run | None:
        """The run that was asked for last."""
        return self.following or self.run

    @property
    def newest_id(self) -> str:
        """The name of the run that was asked for last."""
        return self.newest.id if self.newest is not None else self.stored.run

    def is_running(self, graph: graph_pb2.Graph) -> bool:
        """Whether exactly this graph is wanted, and its run lives."""
        newest = self.newest
        is_wanted = self.desired is Desired.RUNNING and newest is not None and newest.is_wanted
        return is_wanted and self.graph == graph

    @property
    def to_be_spared(self) -> Run | None:
        """The run that must not be stopped for a change before all can carry that: one that lives."""
        is_wanted = self.desired is Desired.RUNNING and self.newest is self.run
        lives = self.run is not None and self.run.is_wanted and self.run.stage in MADE
        return self.run if is_wanted and lives else None

    def give_up_change(self, why: str, turn: Turn) -> None:
        """What machines are being asked is not wanted any more, or cannot be."""
        change, self.change = self.change, None
        if change is not None:
            changes.give_up(change, why, turn)

    def begin(self, run: Run, turn: Turn) -> None:
        """Make `run` the newest; the one that lives is stopped first."""
        self.graph = run.graph
        self.desired = Desired.RUNNING
        if self.run is None or (self.run.is_ended and self.run.is_saved):
            self.run = run
            return
        self.following = run
        lifecycle.stop(self.run, Verdict(STOPPED, f"replaced by run {run.id}"), turn)

    def end(self, desired: Desired, turn: Turn) -> None:
        """Stop what lives, and let nothing follow."""
        self.desired = desired
        self.following = None
        reason = "deleted" if desired is Desired.DELETED else "stopped on request"
        if self.run is not None:
            lifecycle.stop(self.run, Verdict(STOPPED, reason), turn)

    def follow(self) -> bool:
        """Go on to the run that follows, if it is its turn; whether it was."""
        if self.following is None or self.run is None or not self.run.is_ended:
            return False
        self.run, self.following = self.following, None
        return True

    @property
    def is_to_be_forgotten(self) -> bool:
        """Whether it was deleted and nothing of it runs any more."""
        return self.desired is Desired.DELETED and (self.run is None or self.run.is_ended)


def restore(record: Record, name_run: Callable[[], str], turn: Turn) -> Entry:
    """A graph as stored, taken up where the scheduler before this one left it.

    Args:
        name_run: names the run that is begun anew, if one is.
    """
    history = History(record.graph.name, record.status.events)
    entry = Entry(record.graph, history, record.desired, stored=record.status)
    if record.life is not None:
        entry.run = restart.revive(record.life, record.status, history, turn)
        _take_up(entry, record, name_run, turn)
    elif not is_ended(record.status.phase):
        _take_up_unmade(entry, record, name_run, turn)
    return entry


def is_ended(phase: status_pb2.GraphPhase) -> bool:
    """Whether nothing more happens to a graph in this phase."""
    return phase in (STOPPED, FAILED, status_pb2.GRAPH_PHASE_COMPLETED)


def _take_up(entry: Entry, record: Record, name_run: Callable[[], str], turn: Turn) -> None:
    """Go on to what was wanted when the scheduler was killed, also if that had not begun yet."""
    assert entry.run is not None and record.life is not None
    was_caught_early = Stage[record.life.stage] in restart.BEFORE_IT_RAN and not record.life.verdict
    if record.desired is not Desired.RUNNING:
        entry.end(record.desired, turn)
    elif record.run != entry.run.id:
        entry.begin(Run(record.graph, record.run, entry.history, turn.now_ns), turn)
    elif was_caught_early:
        _begin_anew(entry, name_run(), turn)


def _take_up_unmade(entry: Entry, record: Record, name_run: Callable[[], str], turn: Turn) -> None:
    """No machine holds anything of it, or (stored by an older rtmesh) nobody knows."""
    history = entry.history
    history.record(turn, f"graph {entry.graph.name}", "scheduler restarted")
    if record.desired is not Desired.RUNNING:
        entry.stored = _stopped(record, history, turn.now_ns)
    elif record.status.phase in UNMADE:
        applied_ns = record.status.applied_time_ns or turn.now_ns
        entry.run = Run(record.graph, record.run, history, applied_ns)
    else:
        _begin_anew(entry, name_run(), turn)


def _begin_anew(entry: Entry, name: str, turn: Turn) -> None:
    turn.add(SaveGraph(entry.graph, Desired.RUNNING, name))
    entry.history.record(turn, f"graph {entry.graph.name}", f"to be begun anew as run {name}")
    entry.begin(Run(entry.graph, name, entry.history, turn.now_ns), turn)


def _stopped(record: Record, history: History, now_ns: int) -> status_pb2.GraphStatus:
    status = status_pb2.GraphStatus()
    status.CopyFrom(record.status)
    status.name, status.run, status.phase = record.graph.name, record.run, STOPPED
    status.reason = "stopped on request"
    status.ended_time_ns = now_ns
    del status.events[:]
    status.events.extend(history.events)
    return status


def nodes_carried(entries: Iterable[Entry]) -> Counter[str]:
    """How many nodes of live graphs each machine carries."""
    runs = [entry.run for entry in entries if entry.run is not None and not entry.run.is_ended]
    parts = [part for run in runs for part in run.parts.values()]
    return Counter(part.plan.machine for part in parts for _ in part.plan.nodes)
