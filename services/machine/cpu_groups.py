"""Loops that hand messages to each other on this machine, and whether they would do that sooner on one CPU.

On one CPU a message is handed on by a switch from one thread to the next; on two, the other CPU is woken
first. But branches that would run at the same time then run one after another. The relay, which carries
messages to and from other machines, counts as one more loop. Pure: no clock, no input or output.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rtmesh.v1 import plan_pb2

# What it costs to wake a CPU that sleeps: 20 to 25 us measured in a virtual machine, 5 us where an idle CPU
# only halts, far more in deep sleep. Between these, so that a gain is not made up where there is little.
WAKE_NS = 10_000
# The relay's name among those of nodes, which have no brackets.
RELAY = "(relay)"
# .. as the end of a path.
_LEAVING = "(relay, leaving)"

Edge = tuple[str, str]


class Group(NamedTuple):
    """The loops of a run that messages connect, and the edges between them."""

    run: str
    nodes: tuple[str, ...]
    edges: tuple[Edge, ...]


class Use(NamedTuple):
    """What a loop's thread did in some time: it ran, it was ready and waited for a CPU, it made steps."""

    ran_ns: int
    waited_ns: int
    steps: int


class Path(NamedTuple):
    """A way that a message goes through loops."""

    ran_ns: int
    nodes: tuple[str, ...]


def ring_edges(plan: plan_pb2.MachinePlan) -> tuple[Edge, ...]:
    """(writer, reader) of every edge that is a ring between two nodes of this machine."""
    writers = {output.ring: node.node.name for node in plan.nodes for output in node.outputs}
    return tuple(
        (writers[bound.ring], node.node.name)
        for node in plan.nodes
        for bound in node.inputs
        if bound.ring in writers
    )


def relay_edges(plan: plan_pb2.MachinePlan) -> tuple[Edge, ...]:
    """(writer, RELAY) of every edge that leaves this machine, (RELAY, reader) of every one that enters it."""
    leaving = {edge.ring for edge in plan.egress}
    entering = {edge.ring for edge in plan.ingress}
    edges: dict[Edge, None] = {}
    for node in plan.nodes:
        if any(output.ring in leaving for output in node.outputs):
            edges[node.node.name, RELAY] = None
        if any(bound.ring in entering for bound in node.inputs):
            edges[RELAY, node.node.name] = None
    return tuple(edges)


@functools.lru_cache
def group_with_relay(
    run: str, nodes: tuple[str, ...], edges: tuple[Edge, ...], relayed: tuple[Edge, ...]
) -> Group | None:
    """The relay and all who are connected with it; None if nobody is. `relayed`: see `relay_edges`."""
    groups = groups_of(run, (*nodes, RELAY), (*edges, *relayed))
    return next((group for group in groups if RELAY in group.nodes), None)


@functools.lru_cache
def groups_of(run: str, nodes: tuple[str, ...], edges: tuple[Edge, ...]) -> tuple[Group, ...]:
    """The groups of at least two nodes; edges of other nodes do not count."""
    inside = [edge for edge in edges if edge[0] in nodes and edge[1] in nodes and edge[0] != edge[1]]
    parts: dict[str, set[str]] = {node: {node} for node in nodes}
    for first, second in inside:
        if parts[first] is not parts[second]:
            parts[first] |= parts[second]
            parts.update(dict.fromkeys(parts[second], parts[first]))
    unique = {id(part): part for part in parts.values() if len(part) > 1}.values()
    return tuple(_group(run, nodes, part, inside) for part in unique)


def _group(run: str, nodes: Sequence[str], part: set[str], edges: Sequence[Edge]) -> Group:
    inside = tuple(edge for edge in edges if edge[0] in part)
    return Group(run, tuple(node for node in nodes if node in part), inside)


def gains(group: Group, uses: Mapping[str, Use], cpu_count: int, wake_ns: int) -> bool:
    """Whether the group is done with its messages sooner on one CPU than on `cpu_count`.

    On one CPU that takes the time of all loops. On several it takes at least the time of the longest path,
    and at least what their number can do at once; and a wake for each hop of that path.
    """
    all_ns = sum(uses[node].ran_ns for node in group.nodes)
    path = longest_path(group, uses)
    messages = uses[path.nodes[0]].steps
    spread_ns = max(path.ran_ns, all_ns / cpu_count) + (len(path.nodes) - 1) * messages * wake_ns
    return all_ns <= spread_ns


def longest_path(group: Group, uses: Mapping[str, Use]) -> Path:
    """The path whose loops ran longest; of two, the one with more loops.

    A path ends where it would come back to a node on it. Cycles are entered from outside if they can be, else
    at the node that stands first. It may begin and end with the relay, but not go through it: what enters the
    machine and what leaves it are different messages.
    """
    following: dict[str, list[str]] = {node: [] for node in group.nodes}
    for writer, reader in group.edges:
        following[writer].append(_LEAVING if reader == RELAY else reader)
    fed = {reader for _, reader in group.edges}
    paths = {_LEAVING: Path(uses[RELAY].ran_ns, (RELAY,))} if RELAY in group.nodes else {}
    for node in sorted(group.nodes, key=fed.__contains__):
        _measure(node, following, uses, paths)
    return max(paths.values(), key=_length)


def _measure(
    start: str, following: Mapping[str, Sequence[str]], uses: Mapping[str, Use], paths: dict[str, Path]
) -> None:
    """Add to `paths` the longest from each node that can be reached; without recursion: they may be long."""
    way: set[str] = set()
    stack = [start]
    while stack:
        node = stack[-1]
        if node in paths:
            stack.pop()
        elif node in way:  # all that follows was measured, or leads back
            rests = (paths[each] for each in following[node] if each in paths)
            rest = max(rests, key=_length, default=Path(0, ()))
            paths[node] = Path(uses[node].ran_ns + rest.ran_ns, (node, *rest.nodes))
            way.remove(node)
        else:
            way.add(node)
            stack += [each for each in following[node] if each not in paths and each not in way]


def _length(path: Path) -> tuple[int, int]:
    return path.ran_ns, len(path.nodes)
