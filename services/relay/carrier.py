"""The runs that a relay carries: their edges, and the machines these go to and come from."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import structlog

from rtmesh.common.errors import FailedPreconditionError, NotFoundError
from rtmesh.relay.egress import EgressEdge
from rtmesh.relay.far_machine import FarMachine
from rtmesh.relay.ingress import IngressEdge
from rtmesh.relay.ingress_ring import IngressRing
from rtmesh.relay.links import LinkBoard
from rtmesh.relay.wire import Wire
from rtmesh.shm import RingError
from rtmesh.v1.plan_pb2 import EgressPlan, IngressPlan
from rtmesh.v1.relay_pb2 import CarryRequest


@dataclass
class _Run:
    egress: dict[str, EgressEdge] = field(default_factory=dict)
    ingress: dict[str, IngressEdge] = field(default_factory=dict)
    # What to leave at the end: machine, lane, the edge if it enters here.
    uses: list[tuple[str, str, IngressEdge | None]] = field(default_factory=list)


class Carrier:
    """Everything that one relay carries. Any thread.

    Args:
        machine: the name of this one.
        links: where the state of its ingress edges is told.
        wire: how other machines are dialled.
    """

    def __init__(self, machine: str, links: LinkBoard, wire: Wire) -> None:
        self._wire = wire
        self._machine = machine
        self._links = links
        self._runs: dict[str, _Run] = {}
        self._far: dict[str, FarMachine] = {}
        self._far_lock = threading.Lock()
        self._changing = threading.Lock()
        self._log = structlog.get_logger()

    def carry(self, request: CarryRequest) -> None:
        """Begin to carry a run; nothing if it is carried already.

        Raises:
            FailedPreconditionError: a ring cannot be attached, or the request names no segment or
                address for an edge; nothing of the run is carried then.
        """
        with self._changing:
            if request.run in self._runs:
                return
            run = _Run()
            try:
                self._begin(run, request)
            except (RingError, FailedPreconditionError) as error:
                self._end(run)
                raise FailedPreconditionError(f"run {request.run} cannot be carried: {error}") from error
            self._runs[request.run] = run
            self._connect(run, request)
        self._log.info("carrying", run=request.run, egress=len(run.egress), ingress=len(run.ingress))

    def release(self, name: str) -> None:
        """Let go of a run; nothing if it is not carried."""
        with self._changing:
            run = self._runs.pop(name, None)
            if run is not None:
                self._end(run)
                self._links.forget(name)
                self._log.info("released", run=name)

    def egress(self, run: str, edge: str) -> EgressEdge:
        """The edge that leaves here under this name.

        Raises:
            NotFoundError: there is none, or not yet.
        """
        carried = self._runs.get(run)
        if carried is None or edge not in carried.egress:
            raise NotFoundError(
                f"run {run} has no edge {edge} that leaves here", "it may not be prepared yet"
            )
        return carried.egress[edge]

    def far_machine(self, name: str, *, dials: bool = False) -> FarMachine:
        """The machine of this name, also if no edge is known yet: the other side may be earlier.

        `dials`: as the one that dials here; of this machine itself the other end of its own lanes.
        """
        key = f"{name} dials" if dials and name == self._machine else name
        with self._far_lock:
            if key not in self._far:
                self._far[key] = FarMachine(self._machine, name, self.egress, self._wire)
            return self._far[key]

    def close(self) -> None:
        """Let go of every run, and end every lane."""
        for name in list(self._runs):
            self.release(name)
        for far in list(self._far.values()):
            far.close()

    def _begin(self, run: _Run, request: CarryRequest) -> None:
        for leaving in request.egress:
            run.egress[leaving.edge] = self._begin_egress(request, leaving)
        for entering in request.ingress:
            _look_up(request.data_addresses, entering.from_machine, "an address of machine", entering.edge)
            run.ingress[entering.edge] = self._begin_ingress(request, entering)

    def _begin_egress(self, request: CarryRequest, plan: EgressPlan) -> EgressEdge:
        segment = _look_up(request.segments, plan.ring, "a segment of ring", plan.edge)
        return EgressEdge(plan.edge, segment, plan.reader, is_large=plan.own_lane)

    def _begin_ingress(self, request: CarryRequest, plan: IngressPlan) -> IngressEdge:
        segment = _look_up(request.segments, plan.ring, "a segment of ring", plan.edge)
        tell = partial(self._links.set, request.run, plan.edge)
        return IngressEdge(request.run, plan, IngressRing(segment), tell)

    def _connect(self, run: _Run, request: CarryRequest) -> None:
        for leaving in request.egress:
            self._use(run, request, leaving.to_machine, _lane_of(request.run, leaving), None)
        for entering in request.ingress:
            ingress = run.ingress[entering.edge]
            self._use(run, request, entering.from_machine, _lane_of(request.run, entering), ingress)

    def _use(
        self, run: _Run, request: CarryRequest, machine: str, lane: str, ingress: IngressEdge | None
    ) -> None:
        far = self.far_machine(machine)
        far.reach(request.data_addresses.get(machine, ""))
        far.use(lane, ingress)
        run.uses.append((machine, lane, ingress))

    def _end(self, run: _Run) -> None:
        for machine, lane, ingress in run.uses:
            self.far_machine(machine).leave(lane, ingress)
        for leaving in run.egress.values():
            leaving.close()
        for entering in run.ingress.values():
            entering.close()


def _lane_of(run: str, plan: EgressPlan | IngressPlan) -> str:
    return f"{run} {plan.edge}" if plan.own_lane else ""


def _look_up(table: Mapping[str, str], key: str, what: str, edge: str) -> str:
    if key not in table:
        raise FailedPreconditionError(f"edge {edge} needs {what} {key}, which the request does not name")
    return table[key]
