"""What must hold of a graph before anything is recorded: it may come from any client."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from google.protobuf import descriptor_pb2, message

from rtmesh.common.errors import ProblemsError
from rtmesh.graph.names import GRAPH_NAME, MACHINE_NAME, NODE_NAME, did_you_mean, is_name
from rtmesh.v1 import graph_pb2, status_pb2

Problem = status_pb2.Problem


def check_graph(graph: graph_pb2.Graph) -> None:
    """Raise ProblemsError with everything that makes the graph one that cannot be planned."""
    problems = [
        *_graph_problems(graph),
        *_node_problems(graph),
        *_edge_problems(graph),
        *_budget_problems(graph),
    ]
    if problems:
        raise ProblemsError(problems)


def _graph_problems(graph: graph_pb2.Graph) -> Iterator[Problem]:
    if not is_name(graph.name, GRAPH_NAME):
        yield Problem(
            path="name",
            text=f"{graph.name!r} cannot name a graph",
            remedy="use up to 40 of a-z 0-9 _ -, a letter first",
        )
    if not graph.nodes:
        yield Problem(path="nodes", text="the graph has no nodes", remedy="add at least one")
    try:
        descriptor_pb2.FileDescriptorSet.FromString(graph.descriptors)
    except message.DecodeError:
        yield Problem(
            path="descriptors",
            text=f"{len(graph.descriptors)} bytes that are no FileDescriptorSet",
            remedy="send what protoc --descriptor_set_out --include_imports writes",
        )


def _node_problems(graph: graph_pb2.Graph) -> Iterator[Problem]:
    for name in _repeated(node.name for node in graph.nodes):
        yield Problem(path=f"nodes.{name}", text="two nodes have this name", remedy="rename one")
    for node in graph.nodes:
        path = f"nodes.{node.name}"
        if not is_name(node.name, NODE_NAME):
            yield Problem(
                path=path,
                text=f"{node.name!r} cannot name a node",
                remedy="use up to 40 of a-z 0-9 _, a letter first",
            )
        if node.machine and not is_name(node.machine, MACHINE_NAME):
            yield Problem(
                path=f"{path}.machine",
                text=f"{node.machine!r} cannot name a machine",
                remedy="use up to 40 of A-Z a-z 0-9 _ -",
            )
        if bool(node.run) == bool(node.command):
            yield Problem(
                path=path, text="exactly one of run and command is needed", remedy="give one of them"
            )


def _edge_problems(graph: graph_pb2.Graph) -> Iterator[Problem]:
    outputs, inputs = _ports(graph)
    for edge in graph.edges:
        source, target = f"{edge.from_node}.{edge.from_port}", f"{edge.to_node}.{edge.to_port}"
        path = f"nodes.{edge.to_node}.inputs.{edge.to_port}"
        yield from _unknown(path, "output", source, outputs)
        yield from _unknown(path, "input", target, inputs)
        if not edge.queue:
            yield Problem(
                path=path, text=f"{source} -> {target} has queue 0", remedy="give a queue of at least 1"
            )
    for target in _repeated(f"{edge.to_node}.{edge.to_port}" for edge in graph.edges):
        yield Problem(path=target, text="two edges lead to this input", remedy="leave one, or add an input")


def _budget_problems(graph: graph_pb2.Graph) -> Iterator[Problem]:
    outputs, _ = _ports(graph)
    for place, budget in enumerate(graph.budgets):
        for port in (f"{budget.from_node}.{budget.from_port}", f"{budget.to_node}.{budget.to_port}"):
            yield from _unknown(f"latency[{place}]", "output", port, outputs)


def _ports(graph: graph_pb2.Graph) -> tuple[set[str], set[str]]:
    outputs = {f"{node.name}.{port.name}" for node in graph.nodes for port in node.outputs}
    inputs = {f"{node.name}.{port.name}" for node in graph.nodes for port in node.inputs}
    return outputs, inputs


def _unknown(path: str, kind: str, port: str, known: set[str]) -> Iterator[Problem]:
    if port not in known:
        yield Problem(path=path, text=f"there is no {kind} {port}", remedy=did_you_mean(port, sorted(known)))


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
