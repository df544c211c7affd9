"""What graph and code say together: steps that never run, writers held forever, forks that deadlock.

The SDK refuses the same when it loads a class; here it is found before anything starts, for the
classes whose source is at hand and understood.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rtmesh.graph.cycles import reachable_nodes
from rtmesh.graph.edges import ResolvedEdge
from rtmesh.graph.node_code import NodeCode, OnStep
from rtmesh.v1 import graph_pb2


def refuse_by_code(edges: Sequence[ResolvedEdge], codes: Mapping[str, NodeCode]) -> None:
    """Note what cannot work, at the input where it is mended."""
    for resolved in edges:
        code = codes.get(resolved.edge.to_node)
        if code is not None:
            _refuse_policy(resolved, code)
            _refuse_short_queue(resolved, code, [other.edge for other in edges], codes)


def _refuse_policy(resolved: ResolvedEdge, code: NodeCode) -> None:
    edge, field = resolved.edge, resolved.declared.field
    is_triggering = code.triggered_by(edge.to_port) is not None
    if is_triggering and edge.when_full == graph_pb2.WHEN_FULL_LATEST:
        text = f'{edge.to_node} has @on("{edge.to_port}"), which `latest` never triggers'
        field.refuse_key(text, "use `when_full: drop_oldest` with `queue: 1`, or read it by latest()")
    if not is_triggering and edge.when_full == graph_pb2.WHEN_FULL_BLOCK:
        text = (
            f'blocks, but {edge.to_node} has no @on("{edge.to_port}"): it would hold {edge.from_node} forever'
        )
        field.refuse_key(
            text, f'add @on("{edge.to_port}"), or set `when_full: latest` and read it by latest()'
        )


def _refuse_short_queue(
    resolved: ResolvedEdge,
    code: NodeCode,
    edges: Sequence[graph_pb2.Edge],
    codes: Mapping[str, NodeCode],
) -> None:
    """Refuse a blocking branch of a fork and join whose queue is smaller than its sibling's window.

    The join gets nothing from the sibling before the window is full; by then the blocking branch
    has held the writer that would fill it.
    """
    edge = resolved.edge
    step = code.triggered_by(edge.to_port)
    if step is None or not step.is_join or edge.when_full != graph_pb2.WHEN_FULL_BLOCK:
        return
    for sibling in edges:
        is_fork = (sibling.from_node, sibling.from_port) == (edge.from_node, edge.from_port)
        window = _window(sibling, codes) if is_fork and sibling.to_node != edge.to_node else 0
        if window > edge.queue and _leads_to_join(sibling.to_node, edge, step, edges):
            text = (
                f"queue {edge.queue} is smaller than the window of {window} in {sibling.to_node}, "
                f"with which {edge.to_node} joins it: both would wait for each other"
            )
            resolved.declared.field.refuse_key(
                text, f"set `queue: {window}` or more, or `when_full: drop_oldest`"
            )


def _window(edge: graph_pb2.Edge, codes: Mapping[str, NodeCode]) -> int:
    code = codes.get(edge.to_node)
    step = code.triggered_by(edge.to_port) if code is not None else None
    return step.window if step is not None else 0


def _leads_to_join(start: str, edge: graph_pb2.Edge, step: OnStep, edges: Sequence[graph_pb2.Edge]) -> bool:
    """Whether what `start` sends reaches another input of the join that `edge` enters."""
    others = {port for port in step.inputs if port != edge.to_port}
    return any(
        other.to_node == edge.to_node
        and other.to_port in others
        and (other.from_node == start or other.from_node in _downstream(start, edges))
        for other in edges
    )


def _downstream(start: str, edges: Sequence[graph_pb2.Edge]) -> set[str]:
    ports = {edge.from_port for edge in edges if edge.from_node == start}
    return {node for port in ports for node in reachable_nodes(edges, start, port)}
