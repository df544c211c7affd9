"""One graph over all its runs: what is wanted of it, the run that is shown, the run that follows."""

from __future__ import annotations

from dataclasses import dataclass, field

from rtmesh.scheduler import lifecycle
from rtmesh.scheduler.effects import Desired, Turn
from rtmesh.scheduler.history import History
from rtmesh.scheduler.runs import Run, Verdict
from rtmesh.scheduler.verdicts import FAILED, STOPPED
from rtmesh.v1 import graph_pb2, status_pb2


@dataclass(frozen=True)
class Record:
    """What is stored of a graph; `status` is None if no status of its run was stored."""

    graph: graph_pb2.Graph
    desired: Desired
    run: str
    status: status_pb2.GraphStatus | None = None


@dataclass
class Entry:
    """A graph. `run` is None only after a restart of the scheduler: then `stored` is what is shown."""

    graph: graph_pb2.Graph
    history: History
    desired: Desired = Desired.RUNNING
    run: Run | None = None
    following: Run | None = None  # begins when `run` has ended
    stored: status_pb2.GraphStatus = field(default_factory=status_pb2.GraphStatus)

    @property
    def newest(self) -> Run | None:
        """The run that was asked for last."""
        return self.following or self.run

    def is_running(self, graph: graph_pb2.Graph) -> bool:
        """Whether exactly this graph is wanted, and its run lives."""
        newest = self.newest
        is_wanted = self.desired is Desired.RUNNING and newest is not None and newest.is_wanted
        return is_wanted and self.graph == graph

    def begin(self, run: Run, turn: Turn) -> None:
        """Make `run` the newest; the one that lives is stopped first."""
        self.graph = run.graph
        self.desired = Desired.RUNNING
        if self.run is None or self.run.is_ended:
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


def restore(record: Record, now_ns: int) -> Entry:
    """A graph as stored, its run ended: machines are told to end what they still carry of it.

    Taking such a run back while it still lives needs machines that outlive their scheduler with all
    that they know of it, which belongs to the control plane's own restart, not to this.
    """
    status = status_pb2.GraphStatus(name=record.graph.name, run=record.run)
    if record.status is not None:
        status.CopyFrom(record.status)
    if not is_ended(status.phase):
        _end_by_restart(status, record, now_ns)
    history = History(record.graph.name, status.events)
    return Entry(record.graph, history, record.desired, stored=status)


def is_ended(phase: status_pb2.GraphPhase) -> bool:
    """Whether nothing more happens to a graph in this phase."""
    return phase in (STOPPED, FAILED, status_pb2.GRAPH_PHASE_COMPLETED)


def _end_by_restart(status: status_pb2.GraphStatus, record: Record, now_ns: int) -> None:
    was_wanted = record.desired is Desired.RUNNING
    status.phase = FAILED if was_wanted else STOPPED
    status.reason = "scheduler restarted" + ("; apply the graph again" if was_wanted else " while it stopped")
    status.ended_time_ns = now_ns
    event = status_pb2.Event(time_ns=now_ns, subject=f"graph {status.name}", text=status.reason)
    status.events.append(event)
