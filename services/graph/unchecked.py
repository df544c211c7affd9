"""What the files at hand cannot tell about a graph, said plainly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rtmesh.graph.cycles import find_cycles, spell_out
from rtmesh.graph.names import did_you_mean
from rtmesh.graph.node_code import NodeCode, find_source, module_folders
from rtmesh.v1 import graph_pb2


def unchecked_notes(graph: graph_pb2.Graph, codes: Mapping[str, NodeCode]) -> list[str]:
    """One sentence for each thing that only a machine or code that was not understood can tell.

    Args:
        graph: a checked graph.
        codes: what is known of the nodes' code.
    """
    return [
        *_program_notes(graph),
        *_step_notes(graph, codes),
        *_cycle_notes(graph, codes),
        *_origin_notes(graph, codes),
    ]


def _program_notes(graph: graph_pb2.Graph) -> list[str]:
    search = module_folders(graph)
    notes = []
    for node in graph.nodes:
        if node.command:
            notes.append(f"nodes.{node.name}.command: {node.command[0]} is looked for on its machine")
        elif find_source(node.run.partition(":")[0], search) is None:
            note = f"nodes.{node.name}.run: {node.run} is not in this folder; its machine looks for it"
            notes.append(note + _near_module(node.run.partition(":")[0], search))
    return [*notes, "whether the nodes' code can be imported is asked of the machines before anything starts"]


def _near_module(module: str, search: Sequence[Path]) -> str:
    """The module that may have been meant, if one beside it has nearly that name."""
    package, _, name = module.rpartition(".")
    folders = [folder.joinpath(*package.split(".")) for folder in search]
    names = sorted({file.stem for folder in folders for file in _python_files(folder)})
    near = did_you_mean(name, names)
    asked = "did you mean "
    if not near.startswith(asked):
        return ""
    return f"; {asked}{package}{'.' if package else ''}{near.removeprefix(asked)}"


def _python_files(folder: Path) -> list[Path]:
    try:
        return list(folder.glob("*.py"))
    except (OSError, ValueError):
        return []


def _step_notes(graph: graph_pb2.Graph, codes: Mapping[str, NodeCode]) -> list[str]:
    """Nodes whose windows and joins are unknown, where that could hide a deadlock."""
    inputs = {node.name: 0 for node in graph.nodes}
    for edge in graph.edges:
        inputs[edge.to_node] += edge.when_full == graph_pb2.WHEN_FULL_BLOCK
    return [
        f"nodes.{name}: its code was not read; a join with a queue below a sibling's window would deadlock"
        for name, count in inputs.items()
        if count > 1 and name not in codes
    ]


def _cycle_notes(graph: graph_pb2.Graph, codes: Mapping[str, NodeCode]) -> list[str]:
    notes = []
    for cycle in find_cycles([edge for edge in graph.edges if _may_trigger(edge, codes)]):
        known = all(edge.to_node in codes for edge in cycle)
        condition = "" if known else "if every node in it takes its input with @on, "
        notes.append(f"cycle {spell_out(cycle)}: {condition}it ends only by stop")
    return notes


def _may_trigger(edge: graph_pb2.Edge, codes: Mapping[str, NodeCode]) -> bool:
    code = codes.get(edge.to_node)
    is_triggering = code is None or code.triggered_by(edge.to_port) is not None
    return is_triggering and edge.when_full != graph_pb2.WHEN_FULL_LATEST


def _origin_notes(graph: graph_pb2.Graph, codes: Mapping[str, NodeCode]) -> list[str]:
    """Budgets whose `from` may pass on the origin of what it reads: then nothing would be measured."""
    triggered = {edge.to_node for edge in graph.edges if _may_trigger(edge, codes)}
    starts = dict.fromkeys((budget.from_node, budget.from_port) for budget in graph.budgets)
    return [
        f"latency from {node}.{port}: only the code tells whether {node} begins origins there (@every, start)"
        for node, port in starts
        if node in triggered and not (node in codes and codes[node].has_every)
    ]
