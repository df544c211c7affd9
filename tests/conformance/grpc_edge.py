"""An edge between two machines: a ring, two relay processes and, for each input, a ring on the far side."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from relay_edge import DEADLINE_S, until
from relay_pair import RelayProcess

from rtmesh.shm import Policy, ReaderState, Ring, RingSnapshot, create_ring
from rtmesh.v1 import plan_pb2, relay_pb2
from tests.conformance.edge import Account, Edge, Input
from tests.conformance.parties import PlayedParties
from tests.conformance.ring_edge import RingEdge, layout_of, named, unique_name

_MODULE = "rtmesh.shm"


class GrpcTransport:
    """Two machines: the writer lives on the left one, all readers on the right one."""

    # An absent reader is given up by the relay as it waits for space, in a ring by the writer as it claims:
    # the moments differ, so a hold_absent that is over is left to the tests that say what they expect.
    is_instant = False
    examples = 5

    def __init__(self) -> None:
        self._open = ExitStack()
        folder = Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="relay-")))
        self._left = RelayProcess(folder, "left")
        self._open.callback(self._left.close)
        self._right = RelayProcess(folder, "right")
        self._open.callback(self._right.close)

    def open(self, inputs: Sequence[Input]) -> Edge:
        edge = GrpcEdge(inputs)
        self._left.stub.Carry(edge.egress(self._right.data), timeout=DEADLINE_S)
        self._right.stub.Carry(edge.ingress(self._left.data), timeout=DEADLINE_S)
        for name in edge.names:
            self._right.wait_for(name, connected=True)
        edge.on_close(lambda: self._release(edge.run))
        return edge

    def _release(self, run: str) -> None:
        for relay in (self._left, self._right):
            relay.stub.Release(relay_pb2.ReleaseRequest(run=run), timeout=DEADLINE_S)

    def close(self) -> None:
        self._open.close()


class GrpcEdge(RingEdge):
    """One output's ring, and one ring for each input far away."""

    def __init__(self, inputs: Sequence[Input]) -> None:
        super().__init__(_MODULE, PlayedParties(), inputs)
        self.run = unique_name()
        self.names = [f"{self.run}.out -> node.in{number}" for number, _ in enumerate(inputs)]
        self._inputs = inputs
        self._far = [create_ring(unique_name(), layout_of([terms])) for terms in inputs]
        self._closing = ExitStack()

    def on_close(self, act) -> None:
        self._closing.callback(act)

    # What the two relays are told.

    def egress(self, right: str) -> relay_pb2.CarryRequest:
        plans = [
            plan_pb2.EgressPlan(
                edge=name, ring="out", reader=number, when_full=int(terms.policy), to_machine="right"
            )
            for number, (name, terms) in enumerate(zip(self.names, self._inputs))
        ]
        return relay_pb2.CarryRequest(
            run=self.run,
            egress=plans,
            segments={"out": self._ring.name},
            data_addresses={"right": right},
        )

    def ingress(self, left: str) -> relay_pb2.CarryRequest:
        plans = [
            plan_pb2.IngressPlan(
                edge=name, ring=name, from_machine="left", when_full=int(terms.policy), queue=terms.queue
            )
            for name, terms in zip(self.names, self._inputs)
        ]
        return relay_pb2.CarryRequest(
            run=self.run,
            ingress=plans,
            segments={name: ring.name for name, ring in zip(self.names, self._far)},
            data_addresses={"left": left},
        )

    # Where a reader sits.

    def ring_of(self, reader: int) -> Ring:
        return self._far[reader] if reader < len(self._far) else self._ring

    def index_in_ring(self, reader: int) -> int:
        return 0 if reader < len(self._far) else reader

    # Accounts, and rest.

    def account(self, reader: int) -> Account:
        """The sum of both ends, as the scheduler adds them."""
        if reader >= len(self._far):
            return super().account(reader)
        near, far = self._ring.snapshot(), self._far[reader].snapshot()
        sender, receiver = near.readers[reader], far.readers[0]
        dropped = {reason: count + receiver.dropped[reason] for reason, count in sender.dropped.items()}
        on_the_wire = sender.delivered - far.head
        in_flight = (near.head - sender.taken) + on_the_wire + (far.head - receiver.taken)
        sent = near.head - sender.start
        return Account(sent, receiver.delivered, named(dropped), in_flight, receiver.state)

    def settle(self) -> None:
        until(
            lambda: all(self._is_at_rest(number) for number, _ in enumerate(self._far)), "the edge is at rest"
        )

    def _is_at_rest(self, reader: int) -> bool:
        near, far = self._ring.snapshot(), self._far[reader].snapshot()
        has_arrived = far.source_position == near.head and far.ended == near.ended
        terms = self._inputs[reader]
        if terms.policy is not Policy.BLOCK or not has_arrived:
            return has_arrived
        return has_been_acknowledged(near, far, reader) and not is_overdue(far, terms.queue)

    def close(self) -> None:
        self._closing.close()
        super().close()
        for ring in self._far:
            ring.unlink()


def has_been_acknowledged(near: RingSnapshot, far: RingSnapshot, reader: int) -> bool:
    """As much is unreleased here as there; the end of a stream is the last thing that is told."""
    receiver = far.readers[0]
    unreleased = 0 if receiver.state is ReaderState.GONE else far.head - receiver.released
    return near.ended or near.head - near.readers[reader].released == unreleased


def is_overdue(far: RingSnapshot, queue: int) -> bool:
    """The reader is away for too long, with a full queue: it is about to be given up."""
    reader = far.readers[0]
    is_full = far.head - reader.released >= queue
    return reader.state is ReaderState.ABSENT and is_full and not reader.is_holding
