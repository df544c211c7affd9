"""The runs that a relay carries: their edges, rings and channels."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import grpc
import structlog

from rtmesh.common.errors import FailedPreconditionError, NotFoundError
from rtmesh.common.serving import CHANNEL_OPTIONS
from rtmesh.relay.egress import EgressEdge
from rtmesh.relay.ingress import IngressEdge
from rtmesh.relay.ingress_ring import IngressRing
from rtmesh.relay.links import LinkBoard
from rtmesh.shm import RingError
from rtmesh.v1.plan_pb2 import EgressPlan, IngressPlan
from rtmesh.v1.relay_pb2 import CarryRequest


@dataclass
class _Run:
    egress: dict[str, EgressEdge] = field(default_factory=dict)
    ingress: dict[str, IngressEdge] = field(default_factory=dict)
    addresses: set[str] = field(default_factory=set)


class Carrier:
    """Everything that one relay carries. Belongs to one event loop."""

    def __init__(self, links: LinkBoard) -> None:
        self._links = links
        self._runs: dict[str, _Run] = {}
        # One channel a far relay, shared by all its edges.
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._changing = asyncio.Lock()
        self._log = structlog.get_logger()

    async def carry(self, request: CarryRequest) -> None:
        """Begin to carry a run; nothing if it is carried already.

        Raises:
            FailedPreconditionError: a ring cannot be attached, or the request names no segment or
                address for an edge; nothing of the run is carried then.
        """
        async with self._changing:
            if request.run in self._runs:
                return
            run = _Run()
            try:
                self._begin(run, request)
            except (RingError, FailedPreconditionError) as error:
                await self._end(run)
                raise FailedPreconditionError(f"run {request.run} cannot be carried: {error}") from error
            self._runs[request.run] = run
        self._log.info("carrying", run=request.run, egress=len(run.egress), ingress=len(run.ingress))

    async def release(self, name: str) -> None:
        """Let go of a run; nothing if it is not carried."""
        async with self._changing:
            run = self._runs.pop(name, None)
            if run is not None:
                await self._end(run)
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

    async def close(self) -> None:
        """Let go of every run."""
        for name in list(self._runs):
            await self.release(name)

    def _begin(self, run: _Run, request: CarryRequest) -> None:
        for plan in request.egress:
            run.egress[plan.edge] = self._begin_egress(request, plan)
        for plan in request.ingress:
            address = _look_up(request.data_addresses, plan.from_machine, "an address of machine", plan.edge)
            run.addresses.add(address)
            run.ingress[plan.edge] = self._begin_ingress(request, plan, address)

    def _begin_egress(self, request: CarryRequest, plan: EgressPlan) -> EgressEdge:
        segment = _look_up(request.segments, plan.ring, "a segment of ring", plan.edge)
        return EgressEdge(plan.edge, segment, plan.reader)

    def _begin_ingress(self, request: CarryRequest, plan: IngressPlan, address: str) -> IngressEdge:
        segment = _look_up(request.segments, plan.ring, "a segment of ring", plan.edge)
        tell = partial(self._links.set, request.run, plan.edge)
        return IngressEdge(request.run, plan, IngressRing(segment), self._channel(address), tell)

    def _channel(self, address: str) -> grpc.aio.Channel:
        if address not in self._channels:
            self._channels[address] = grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS)
        return self._channels[address]

    async def _end(self, run: _Run) -> None:
        edges: list[EgressEdge | IngressEdge] = [*run.egress.values(), *run.ingress.values()]
        await asyncio.gather(*(edge.close() for edge in edges))
        await self._close_unused_channels()

    async def _close_unused_channels(self) -> None:
        used = set().union(*(run.addresses for run in self._runs.values()))
        for address in self._channels.keys() - used:
            await self._channels.pop(address).close()


def _look_up(table: Mapping[str, str], key: str, what: str, edge: str) -> str:
    if key not in table:
        raise FailedPreconditionError(f"edge {edge} needs {what} {key}, which the request does not name")
    return table[key]
