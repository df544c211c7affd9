"""What the scheduler orders: the effects that its state machine gives out, and the turn that gathers them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from rtmesh.common.errors import RtmeshError
from rtmesh.v1 import graph_pb2, machine_pb2, plan_pb2, scheduler_pb2, status_pb2


class Desired(StrEnum):
    """What the user last asked of a graph."""

    RUNNING = "running"
    STOPPED = "stopped"
    DELETED = "deleted"


@dataclass(frozen=True)
class SendOrder:
    """Send `order` down the stream of a joined machine."""

    machine: str
    order: machine_pb2.JoinResponse


@dataclass(frozen=True)
class SaveGraph:
    """Record the desired graph of its name, and the run that is its newest."""

    graph: graph_pb2.Graph
    desired: Desired
    run: str


@dataclass(frozen=True)
class Life:
    """What it takes, besides its status, to take back a run of which machines have made something."""

    graph: graph_pb2.Graph
    plan: plan_pb2.RunPlan
    stage: str  # name of a Stage
    parts: Mapping[str, str]  # machine -> name of a PartState
    accounts: Mapping[str, machine_pb2.AccountsReport]  # machine -> what its rings last said
    verdict: status_pb2.GraphPhase = status_pb2.GRAPH_PHASE_UNSPECIFIED  # how it will end, if that is known
    verdict_reason: str = ""


@dataclass(frozen=True)
class SaveRun:
    """Record the status of a run, in place of what was recorded of it before.

    `life` is None if no machine has made anything of it (yet, or any more).
    """

    status: status_pb2.GraphStatus
    life: Life | None = None


@dataclass(frozen=True)
class SaveRunCounter:
    """Record how many runs were ever named, so that no name is used twice."""

    value: int


@dataclass(frozen=True)
class ForgetGraph:
    """Remove a graph and its runs from the record; `last` is its final status, for those who watch."""

    name: str
    last: status_pb2.GraphStatus


@dataclass(frozen=True)
class GraphChanged:
    """The status of a graph is not what it was."""

    name: str


@dataclass(frozen=True)
class Happened:
    """An event was recorded with a graph; it belongs in the log too."""

    graph: str
    event: status_pb2.Event


@dataclass(frozen=True)
class NextTick:
    """Tick at this mesh time; replaces the time asked for before. None: no tick is needed."""

    at_ns: int | None


@dataclass(frozen=True)
class Applied:
    """The answer to Apply; of a change of what runs it comes later, unless Refused does."""

    run: str
    outcome: scheduler_pb2.ApplyOutcome


@dataclass(frozen=True)
class Fit:
    """Every machine can carry the change that is `run`: record it, and hand in Replace."""

    graph: str
    run: str


@dataclass(frozen=True)
class Refused:
    """The answer to an Apply that changes nothing: what runs goes on."""

    run: str
    error: RtmeshError


Effect = (
    SendOrder
    | SaveGraph
    | SaveRun
    | SaveRunCounter
    | ForgetGraph
    | GraphChanged
    | Happened
    | NextTick
    | Applied
    | Fit
    | Refused
)
EffectType = TypeVar("EffectType")


class Turn:
    """One event being handled: its time, and the effects so far, in the order to carry them out."""

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns
        self.effects: list[Effect] = []

    def add(self, effect: Effect) -> None:
        """Add an effect; one that is already there (a graph changed twice) is not added again."""
        if not (isinstance(effect, GraphChanged) and effect in self.effects):
            self.effects.append(effect)

    def send(self, machine: str, order: machine_pb2.JoinResponse) -> None:
        """Order something of a machine."""
        self.add(SendOrder(machine, order))


def first_of(kind: type[EffectType], effects: list[Effect]) -> EffectType | None:
    """The first effect of a kind, or None."""
    return next((effect for effect in effects if isinstance(effect, kind)), None)
