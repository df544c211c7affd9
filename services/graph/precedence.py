"""Which node goes first when several want a CPU: the one that is nearer to the end of its chain.

A node that has sent a message often has something left to do (its accounts, the next deadline) when
the one that waits for the message wakes up on the same CPU. Whoever is further down interrupts; so
a message goes through the whole chain before anyone tidies up.
"""

from __future__ import annotations

from rtmesh.common.time_slice import SHORTEST_US
from rtmesh.v1 import graph_pb2

# The kernel compares when slices end. That of a node which sends began as the node woke: it is interrupted
# only if its slice is longer than its reader's by more than it has run since, with cold caches up to 100 us.
_STEP_US = 250
# Still below what the kernel gives everybody else on a machine of two CPUs (1.4 ms; more on larger ones).
LONGEST_US = 1200


def time_slices_us(graph: graph_pb2.Graph) -> dict[str, int]:
    """The time slice of each node: the shortest at the end of a chain, longer the further up it is.

    In equal steps, as every hop needs the same lead; in smaller ones where a chain is long.
    """
    ahead = edges_ahead(graph)
    step_us = min(_STEP_US, (LONGEST_US - SHORTEST_US) / max([1, *ahead.values()]))
    return {node: SHORTEST_US + round(step_us * edges) for node, edges in ahead.items()}


def edges_ahead(graph: graph_pb2.Graph) -> dict[str, int]:
    """How many edges the longest chain that begins at each node has.

    A chain ends where it would come back to a node on it. Cycles are entered from outside if they can be,
    else at the node that stands first in the file.
    """
    following: dict[str, list[str]] = {node.name: [] for node in graph.nodes}
    for edge in graph.edges:
        following[edge.from_node].append(edge.to_node)
    fed = {edge.to_node for edge in graph.edges}
    ahead: dict[str, int] = {}
    for node in sorted(following, key=lambda name: name in fed):
        _measure(node, following, ahead)
    return {node: ahead[node] for node in following}


def _measure(start: str, following: dict[str, list[str]], ahead: dict[str, int]) -> None:
    """Add to `ahead` what can be reached from `start`; without recursion, as chains may be long."""
    way: set[str] = set()
    stack = [start]
    while stack:
        node = stack[-1]
        if node in ahead:
            stack.pop()
        elif node in way:  # all that follows was measured, or leads back
            ahead[node] = max((ahead[each] + 1 for each in following[node] if each in ahead), default=0)
            way.remove(node)
        else:
            way.add(node)
            stack += [each for each in following[node] if each not in ahead and each not in way]
