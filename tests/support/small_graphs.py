"""Graphs built in a line or two, for tests of who runs them."""

from __future__ import annotations

from rtmesh.v1 import graph_pb2


def graph_of(name: str = "cursor", drain_timeout_ms: int = 5000) -> graph_pb2.Graph:
    """A graph without nodes."""
    return graph_pb2.Graph(name=name, folder="/graphs", drain_timeout_ms=drain_timeout_ms)


def add_node(graph: graph_pb2.Graph, name: str, machine: str = "", may_fail: bool = False) -> None:
    """Add a node without ports."""
    when_failed = graph_pb2.WHEN_FAILED_CONTINUE if may_fail else graph_pb2.WHEN_FAILED_STOP_GRAPH
    graph.nodes.add(name=name, machine=machine, run="nodes:Node", when_failed=when_failed)


def add_edge(graph: graph_pb2.Graph, source: str, target: str, hold_absent_ms: int = 0) -> None:
    """Add a blocking edge NODE.PORT -> NODE.PORT, and the ports it needs."""
    (from_node, from_port), (to_node, to_port) = source.split("."), target.split(".")
    _add_port(graph, from_node, "outputs", from_port)
    _add_port(graph, to_node, "inputs", to_port)
    graph.edges.add(
        from_node=from_node,
        from_port=from_port,
        to_node=to_node,
        to_port=to_port,
        when_full=graph_pb2.WHEN_FULL_BLOCK,
        queue=64,
        hold_absent_ms=hold_absent_ms,
    )


def add_budget(graph: graph_pb2.Graph, source: str, target: str, p99_us: int) -> None:
    """Bound the time from one output to another."""
    (from_node, from_port), (to_node, to_port) = source.split("."), target.split(".")
    graph.budgets.add(
        from_node=from_node, from_port=from_port, to_node=to_node, to_port=to_port, p99_us=p99_us
    )


def chain(name: str, *placed: str, drain_timeout_ms: int = 5000) -> graph_pb2.Graph:
    """Nodes "a@brand", "b@gpc", …, each feeding the next: a.out -> b.in -> …"""
    graph = graph_of(name, drain_timeout_ms)
    names = []
    for text in placed:
        node, _, machine = text.partition("@")
        add_node(graph, node, machine)
        names.append(node)
    for source, target in zip(names, names[1:]):
        add_edge(graph, f"{source}.out", f"{target}.in")
    return graph


def _add_port(graph: graph_pb2.Graph, node_name: str, kind: str, name: str) -> None:
    node = next((node for node in graph.nodes if node.name == node_name), None)
    # An edge may name a node that is not there: some tests want that.
    if node is not None and name not in [port.name for port in getattr(node, kind)]:
        getattr(node, kind).add(name=name, rpc=name.title(), type="test.Message", max_bytes=1024)
