"""Paths and cycles among nodes."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from rtmesh.v1 import graph_pb2

Edge: TypeAlias = graph_pb2.Edge


def reachable_nodes(edges: Iterable[Edge], from_node: str, from_port: str) -> set[str]:
    """The nodes that messages of one output lead to, directly or through other nodes."""
    following = _by_writer(edges)
    reached: set[str] = set()
    ahead = deque(edge.to_node for edge in following[from_node] if edge.from_port == from_port)
    while ahead:
        node = ahead.popleft()
        if node not in reached:
            reached.add(node)
            ahead.extend(edge.to_node for edge in following[node])
    return reached


def find_cycles(edges: Sequence[Edge]) -> list[list[Edge]]:
    """Cycles that share no edge, each a shortest one, until none is left; in the order of `edges`.

    Not every cycle there is: they can be exponentially many.
    """
    left = list(edges)
    cycles = []
    for edge in edges:
        if edge in left and (way_back := _shortest_path(left, edge.to_node, edge.from_node)) is not None:
            cycle = [edge, *way_back]
            cycles.append(cycle)
            left = [other for other in left if other not in cycle]
    return cycles


def spell_out(cycle: Sequence[Edge]) -> str:
    """simulator.rates -> decoder.rates, decoder.velocity -> simulator.velocity."""
    return ", ".join(f"{e.from_node}.{e.from_port} -> {e.to_node}.{e.to_port}" for e in cycle)


def _shortest_path(edges: Iterable[Edge], start: str, end: str) -> list[Edge] | None:
    following = _by_writer(edges)
    paths: dict[str, list[Edge]] = {start: []}
    ahead = deque([start])
    while ahead:
        node = ahead.popleft()
        if node == end:
            return paths[node]
        for edge in following[node]:
            if edge.to_node not in paths:
                paths[edge.to_node] = [*paths[node], edge]
                ahead.append(edge.to_node)
    return None


def _by_writer(edges: Iterable[Edge]) -> dict[str, list[Edge]]:
    following: dict[str, list[Edge]] = defaultdict(list)
    for edge in edges:
        following[edge.from_node].append(edge)
    return following
