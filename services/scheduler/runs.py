"""What is known of one run of a graph: how far it is, its parts on the machines, its nodes and edges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from rtmesh.graph.plan import edge_name
from rtmesh.scheduler.effects import Turn
from rtmesh.scheduler.history import History
from rtmesh.scheduler.ledger import Ledger
from rtmesh.scheduler.nodes import Nodes
from rtmesh.scheduler.rest import Rest
from rtmesh.v1 import graph_pb2, plan_pb2, status_pb2

SECOND_NS = 1_000_000_000


class Stage(Enum):
    """How far a run is; what it waits for."""

    PENDING = auto()  # its machines to join
    PREFLIGHT = auto()  # every machine to say whether it can
    PREPARE = auto()  # every machine to make rings and processes
    SETUP = auto()  # every node ready, every edge connected: the barrier
    RUNNING = auto()
    DRAINING = auto()  # nothing in flight, or the drain timeout
    STOPPING = auto()  # the final account of every machine
    ENDED = auto()


PHASES = {
    Stage.PENDING: status_pb2.GRAPH_PHASE_PENDING,
    Stage.PREFLIGHT: status_pb2.GRAPH_PHASE_STARTING,
    Stage.PREPARE: status_pb2.GRAPH_PHASE_STARTING,
    Stage.SETUP: status_pb2.GRAPH_PHASE_STARTING,
    Stage.RUNNING: status_pb2.GRAPH_PHASE_RUNNING,
    Stage.DRAINING: status_pb2.GRAPH_PHASE_DRAINING,
    Stage.STOPPING: status_pb2.GRAPH_PHASE_STOPPING,
}


class PartState(Enum):
    """How far one machine is with its part of a run."""

    ASKED = auto()
    FIT = auto()
    PREPARING = auto()
    PREPARED = auto()
    ENDED = auto()  # nothing of the run is left on the machine
    AWAITED = auto()  # the machine is not connected, but may come back and go on: see Absence
    LOST = auto()  # the machine is not connected and was given up; its processes may live on


@dataclass(frozen=True)
class Absence:
    """Why a machine is awaited, since when (mesh time), and until when."""

    since_ns: int
    until_ns: int
    is_restart: bool = False  # the scheduler's: nothing is known to be wrong with the machine

    def next_ns(self, now_ns: int) -> int:
        """When something changes: it is given up, or has not been heard for another second."""
        if self.is_restart:
            return self.until_ns
        seconds = (now_ns - self.since_ns) // SECOND_NS + 1
        return min(self.until_ns, self.since_ns + seconds * SECOND_NS)


@dataclass
class Part:
    """What one machine carries of a run."""

    plan: plan_pb2.MachinePlan
    state: PartState = PartState.ASKED
    is_started: bool = False
    absence: Absence | None = None  # while it is AWAITED

    @property
    def is_present(self) -> bool:
        """Whether the machine can be given orders about it."""
        return self.state not in (PartState.ENDED, PartState.AWAITED, PartState.LOST)


@dataclass
class Link:
    """An edge between two machines."""

    plan: plan_pb2.EdgePlan
    is_connected: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Verdict:
    """How a run ends, and why."""

    phase: status_pb2.GraphPhase
    reason: str


@dataclass
class Times:
    """Mesh times, in ns; 0: not yet."""

    applied_ns: int
    running_ns: int = 0
    ended_ns: int = 0


class Run:
    """One run. Changed by the functions of `lifecycle` and `reports` only."""

    def __init__(self, graph: graph_pb2.Graph, run: str, history: History, applied_ns: int) -> None:
        self.graph = graph
        self.id = run
        self.history = history
        self.stage = Stage.PENDING
        self.reason = ""
        self.problems: list[status_pb2.Problem] = []
        self.verdict: Verdict | None = None  # set as soon as it is known how the run will end
        self.times = Times(applied_ns)
        self.deadline_ns: int | None = None
        self.is_saved = False
        self.has_news = False  # since it was saved: an event, and thus mostly another state of a node
        self.saved_ns = 0
        self.unplace()

    def unplace(self) -> None:
        """Forget the plan, if there is one."""
        self.plan: plan_pb2.RunPlan | None = None
        self.parts: dict[str, Part] = {}
        self.data_addresses: dict[str, str] = {}
        self.links: dict[str, Link] = {}
        self.ledger = Ledger(plan_pb2.RunPlan())
        self.nodes = Nodes(self.graph)
        self.rest = Rest()

    def place(self, plan: plan_pb2.RunPlan, data_addresses: Mapping[str, str]) -> None:
        """Take the plan as that of the run."""
        self.plan = plan
        self.parts = {part.machine: Part(part) for part in plan.machines}
        self.data_addresses = dict(data_addresses)
        crossing = [edge for edge in plan.edges if edge.transport == graph_pb2.TRANSPORT_GRPC]
        self.links = {edge_name(edge.edge): Link(edge) for edge in crossing}
        self.ledger = Ledger(plan)
        self.nodes.place(plan)

    @property
    def name(self) -> str:
        """The graph's name."""
        return self.graph.name

    @property
    def phase(self) -> status_pb2.GraphPhase:
        """The phase that users see."""
        if self.stage is not Stage.ENDED:
            return PHASES[self.stage]
        assert self.verdict is not None, "a run ends with a verdict"
        return self.verdict.phase

    @property
    def is_ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.stage is Stage.ENDED

    @property
    def is_wanted(self) -> bool:
        """Whether it lives and nothing has decided its end."""
        return not self.is_ended and self.verdict is None

    def next_deadline_ns(self, now_ns: int) -> int | None:
        """When it must be looked at again at the latest; None if nothing is due."""
        due = [absence.next_ns(now_ns) for absence in self.absences().values()]
        if self.deadline_ns is not None:
            due.append(self.deadline_ns)
        return min(due, default=None)

    def present(self) -> list[str]:
        """The machines that can be given orders about the run."""
        return [name for name, part in self.parts.items() if part.is_present]

    def awaited(self) -> list[str]:
        """The machines that are not connected, and expected back."""
        return self.machines_in(PartState.AWAITED)

    def absences(self) -> dict[str, Absence]:
        """Of each machine that is awaited, why."""
        return {name: part.absence for name, part in self.parts.items() if part.absence is not None}

    def unheard(self) -> dict[str, Absence]:
        """Of these, the machines that were connected to this scheduler and are not heard any more."""
        return {name: absence for name, absence in self.absences().items() if not absence.is_restart}

    def machines_in(self, *states: PartState) -> list[str]:
        """The machines whose part is in one of these states."""
        return [name for name, part in self.parts.items() if part.state in states]

    def open_links(self) -> Iterator[tuple[str, Link]]:
        """Edges between machines that are both here, and that are not connected."""
        here = set(self.present())
        for name, link in self.links.items():
            if not link.is_connected and {link.plan.from_machine, link.plan.to_machine} <= here:
                yield name, link

    def record(self, turn: Turn, text: str, subject: str = "") -> None:
        """Note what happened, to the graph itself unless another subject is named."""
        self.has_news = True
        self.history.record(turn, subject or f"graph {self.name}", text)
