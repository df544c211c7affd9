"""The time slices that a mesh gives the two processes of an edge, as the plan of their graph has them."""

from __future__ import annotations

from rtmesh.common.time_slice import set_time_slice
from rtmesh.graph.precedence import time_slices_us
from rtmesh.v1.graph_pb2 import Edge, Graph, Node

# Of one edge; one there and one back come to the same.
SLICES_US = time_slices_us(
    Graph(
        nodes=[Node(name="sender"), Node(name="receiver")],
        edges=[Edge(from_node="sender", to_node="receiver")],
    )
)


def use_slice(*, is_sender: bool) -> None:
    """Have this thread's time slice be that of the node."""
    set_time_slice(SLICES_US["sender" if is_sender else "receiver"])
