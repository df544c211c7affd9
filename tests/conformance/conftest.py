"""The transports that the suite runs on; a new one is a line here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.conformance.edge import Edge, Input, Transport
from tests.conformance.grpc_edge import GrpcTransport
from tests.conformance.parties import PlayedParties, RealParties
from tests.conformance.ring_edge import RingTransport

TRANSPORTS: dict[str, Callable[[], Transport]] = {
    "reference": lambda: RingTransport("tests.conformance.reference", PlayedParties()),
    "ring": lambda: RingTransport("rtmesh.shm", PlayedParties()),
    "ring-processes": lambda: RingTransport("rtmesh.shm", RealParties(), examples=15),
    "grpc": GrpcTransport,
}


@pytest.fixture(scope="session", params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> Iterator[Transport]:
    """One way an edge travels."""
    made = TRANSPORTS[request.param]()
    yield made
    made.close()


@pytest.fixture
def open_edge(transport: Transport) -> Iterator[Callable[..., Edge]]:
    """Open an edge with these inputs; its writer and all its readers are there unless told otherwise."""
    with ExitStack() as stack:

        def open_edge(*inputs: Input, attach: bool = True) -> Edge:
            edge = transport.open(inputs)
            stack.callback(edge.close)
            if attach:
                edge.attach_writer()
                for number, _ in enumerate(inputs):
                    edge.attach(number)
                edge.settle()
            return edge

        yield open_edge
