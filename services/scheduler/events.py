"""What the scheduler is told: the events that its state machine takes in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rtmesh.common.errors import RtmeshError
from rtmesh.scheduler.record import Record
from rtmesh.v1 import graph_pb2, machine_pb2


@dataclass(frozen=True)
class Restarted:
    """The scheduler was started; `records` are its graphs as stored. The first event, or none at all.

    `salt` is as in Apply, for runs that are begun anew.
    """

    records: Sequence[Record]
    salt: str


@dataclass(frozen=True)
class MachineJoined:
    """A machine dialled in and said hello."""

    hello: machine_pb2.Hello


@dataclass(frozen=True)
class MachineLost:
    """A joined machine's stream ended, or nothing came over it; its processes may well live on."""

    machine: str
    silent_ns: int = 0  # how long nothing had come


@dataclass(frozen=True)
class MachineDied:
    """The meshd of a machine that is lost is known to be dead: the one that was joined does not come back."""

    machine: str


@dataclass(frozen=True)
class Reported:
    """A joined machine reported something other than Hello."""

    machine: str
    report: machine_pb2.JoinRequest


@dataclass(frozen=True)
class Apply:
    """A user wants `graph` to run. `salt` (four of [a-z0-9]) makes the run's name unguessable.

    Whoever hands this in has stored what `Scheduler.to_record` says of it.
    """

    graph: graph_pb2.Graph
    salt: str


@dataclass(frozen=True)
class Replace:
    """The change that was Fit is recorded: let it replace what runs. With a `refusal` it could not be."""

    name: str
    run: str
    refusal: RtmeshError | None = None


@dataclass(frozen=True)
class StopGraph:
    """A user wants the graph drained and stopped."""

    name: str


@dataclass(frozen=True)
class DeleteGraph:
    """A user wants the graph stopped and forgotten."""

    name: str


@dataclass(frozen=True)
class Tick:
    """Time has passed: the moment asked for by NextTick has come."""


Event = (
    Restarted
    | MachineJoined
    | MachineLost
    | MachineDied
    | Reported
    | Apply
    | Replace
    | StopGraph
    | DeleteGraph
    | Tick
)
