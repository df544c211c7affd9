"""What is stored of a graph, for a scheduler that is started again."""

from __future__ import annotations

from dataclasses import dataclass, field

from rtmesh.scheduler.effects import Desired, Life
from rtmesh.v1 import graph_pb2, status_pb2


@dataclass(frozen=True)
class Record:
    """A graph as stored.

    Args:
        run: the newest run, the one that is wanted if `desired` is running.
        status: of the run that lives, else of the newest; empty if none was stored.
        life: of the run that lives, which is an older one while it is being replaced.
    """

    graph: graph_pb2.Graph
    desired: Desired
    run: str
    status: status_pb2.GraphStatus = field(default_factory=status_pb2.GraphStatus)
    life: Life | None = None
