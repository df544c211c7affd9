"""What the files at hand cannot tell about a graph, said plainly."""

from __future__ import annotations

from rtmesh.graph.cycles import find_cycles, spell_out
from rtmesh.v1 import graph_pb2


def unchecked_notes(graph: graph_pb2.Graph) -> list[str]:
    """One sentence for each thing that only a machine or the nodes' code knows."""
    return [*_program_notes(graph), *_cycle_notes(graph)]


def _program_notes(graph: graph_pb2.Graph) -> list[str]:
    return [
        f"nodes.{node.name}: {node.run or node.command[0]} is looked for on its machine before anything starts"
        for node in graph.nodes
    ]


def _cycle_notes(graph: graph_pb2.Graph) -> list[str]:
    triggering = [edge for edge in graph.edges if edge.when_full != graph_pb2.WHEN_FULL_LATEST]
    return [
        f"cycle {spell_out(cycle)}: if every node takes its input with @on, it ends only by stop"
        for cycle in find_cycles(triggering)
    ]
