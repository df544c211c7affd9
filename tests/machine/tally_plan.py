"""The plan of the tally graph: two nodes in Python, on one machine."""

from __future__ import annotations

from pathlib import Path

from rtmesh.graph.load import load_graph
from rtmesh.graph.plan import plan_run
from rtmesh.v1 import graph_pb2, plan_pb2

GRAPH = Path(__file__).parent / "tally"


def make_plan(**overrides: str) -> plan_pb2.MachinePlan:
    """Neither node is started again; overrides are parameters of `numbers`."""
    settings = {f"numbers.{name}": value for name, value in overrides.items()}
    graph = load_graph(GRAPH, settings).graph
    graph.nodes[0].restart.CopyFrom(graph_pb2.Restart())
    (plan,) = plan_run(graph, "run-1", ["solo"]).machines
    return plan
