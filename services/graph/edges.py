"""Edges between resolved ports: do their two ends fit, and can they ever move?"""

from __future__ import annotations

from dataclasses import dataclass

from rtmesh.graph.contract import Contract, PortSpec
from rtmesh.graph.cycles import find_cycles, reachable_nodes, spell_out
from rtmesh.graph.declared import DeclaredBudget, DeclaredGraph
from rtmesh.graph.declared_edges import DeclaredEdge
from rtmesh.graph.resolve import Contracts, find_port, no_such_port
from rtmesh.v1 import graph_pb2

MOST_READERS = 28  # a ring has 32, of which 4 are kept for taps


@dataclass(frozen=True)
class ResolvedEdge:
    """An edge whose two ends exist and fit."""

    declared: DeclaredEdge
    edge: graph_pb2.Edge


def resolve_edges(graph: DeclaredGraph, contracts: Contracts) -> list[ResolvedEdge]:
    """The edges whose two ends exist and fit, in file order; the others are noted as problems."""
    resolved = [
        ResolvedEdge(declared, _edge(declared, name))
        for name, node in graph.nodes.items()
        for declared in node.edges
        if _fits(declared, contracts[name], graph, contracts)
    ]
    _refuse_crowds(resolved)
    _refuse_blocking_cycles(resolved)
    return resolved


def _fits(
    declared: DeclaredEdge, reader: Contract | None, graph: DeclaredGraph, contracts: Contracts
) -> bool:
    to_port = reader.port(declared.port, "input") if reader is not None else None
    if reader is not None and to_port is None:
        declared.field.refuse_key(*no_such_port(declared.port, reader, "input"))
    found = find_port(declared.source, "output", graph, contracts)
    if found.port is not None and to_port is not None and not _types_fit(declared, found.port, to_port):
        return False
    return found.is_fine and (reader is None or to_port is not None)


def _types_fit(declared: DeclaredEdge, from_port: PortSpec, to_port: PortSpec) -> bool:
    sent, taken = from_port.message.full_name, to_port.message.full_name
    if sent != taken:
        source = f"{declared.source.node}.{declared.source.port}"
        remedy = f"feed it from an output of {taken}, or change one of the contracts"
        declared.source.field.refuse(f"{source} sends {sent}, but {to_port.name} takes {taken}", remedy)
    return sent == taken


def _edge(declared: DeclaredEdge, to_node: str) -> graph_pb2.Edge:
    edge = graph_pb2.Edge(
        from_node=declared.source.node,
        from_port=declared.source.port,
        to_node=to_node,
        to_port=declared.port,
    )
    edge.MergeFrom(declared.edge)
    return edge


def _refuse_crowds(edges: list[ResolvedEdge]) -> None:
    readers: dict[tuple[str, str], int] = {}
    for resolved in edges:
        output = (resolved.edge.from_node, resolved.edge.from_port)
        readers[output] = readers.get(output, 0) + 1
        if readers[output] == MOST_READERS + 1:
            text = f"{'.'.join(output)} feeds more than {MOST_READERS} inputs"
            resolved.declared.source.field.refuse(text, "put a node between that passes it on")


def _refuse_blocking_cycles(edges: list[ResolvedEdge]) -> None:
    blocking = [resolved for resolved in edges if resolved.edge.when_full == graph_pb2.WHEN_FULL_BLOCK]
    for cycle in find_cycles([resolved.edge for resolved in blocking]):
        last = next(resolved for resolved in reversed(blocking) if resolved.edge in cycle)
        text = f"every edge of this cycle blocks, so that it can deadlock: {spell_out(cycle)}"
        remedy = "make one of its edges `when_full: latest` or `drop_oldest`"
        last.declared.field.refuse_key(text, remedy)


def resolve_budgets(
    graph: DeclaredGraph, contracts: Contracts, edges: list[ResolvedEdge]
) -> list[graph_pb2.LatencyBudget]:
    """The budgets between existing outputs; one whose `to` never derives from its `from` is refused.

    Origins travel along edges that trigger steps, so that `latest` edges do not carry them. Whether
    `from` begins origins (an @every, a source) only its code says.
    """
    carrying = [item.edge for item in edges if item.edge.when_full != graph_pb2.WHEN_FULL_LATEST]
    declared = sum(len(node.edges) + node.unreadable_edges for node in graph.nodes.values())
    is_complete = len(edges) == declared
    budgets = []
    for budget in graph.budgets:
        ends = [find_port(name, "output", graph, contracts) for name in (budget.start, budget.end)]
        # With an edge refused, that nothing is reached would be no problem of its own.
        if all(end.is_fine for end in ends) and (not is_complete or _is_reached(budget, carrying)):
            budgets.append(_budget(budget))
    return budgets


def _is_reached(declared: DeclaredBudget, carrying: list[graph_pb2.Edge]) -> bool:
    start, end = declared.start, declared.end
    if end.node in reachable_nodes(carrying, start.node, start.port):
        return True
    text = f"{end.node}.{end.port} does not derive from {start.node}.{start.port}"
    remedy = (
        "choose a `to` downstream of `from`; an edge that is `latest` triggers no step and carries no origin"
    )
    end.field.refuse(text, remedy)
    return False


def _budget(declared: DeclaredBudget) -> graph_pb2.LatencyBudget:
    return graph_pb2.LatencyBudget(
        from_node=declared.start.node,
        from_port=declared.start.port,
        to_node=declared.end.node,
        to_port=declared.end.port,
        p99_us=declared.p99_us,
    )


def size_inputs(graph: graph_pb2.Graph) -> None:
    """Give every fed input the size of the output that feeds it."""
    sizes = {(node.name, port.name): port.max_bytes for node in graph.nodes for port in node.outputs}
    feeding = {(edge.to_node, edge.to_port): (edge.from_node, edge.from_port) for edge in graph.edges}
    for node in graph.nodes:
        for port in node.inputs:
            port.max_bytes = sizes.get(feeding.get((node.name, port.name), ("", "")), port.max_bytes)
