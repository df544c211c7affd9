"""Who goes first when nodes want the same CPU."""

from __future__ import annotations

import pytest

from rtmesh.common.time_slice import SHORTEST_US
from rtmesh.graph.plan import plan_run
from rtmesh.graph.precedence import LONGEST_US, edges_ahead, time_slices_us
from rtmesh.v1 import graph_pb2


def graph_of(*edges: str, nodes: str = "") -> graph_pb2.Graph:
    """Nodes and edges given as "ab": from a to b; nodes in the order in which they are named."""
    graph = graph_pb2.Graph(name="letters")
    for name in dict.fromkeys(nodes + "".join(edges)):
        graph.nodes.add(name=name)
    for before, after in edges:
        graph.edges.add(from_node=before, from_port="out", to_node=after, to_port=f"from_{before}")
    return graph


@pytest.mark.parametrize(
    ("edges", "ahead"),
    [
        ((), {"a": 0}),
        (("ab", "bc"), {"a": 2, "b": 1, "c": 0}),
        (("ab", "bc", "ac"), {"a": 2, "b": 1, "c": 0}),
        (("ac", "bc", "cd", "be"), {"a": 2, "b": 2, "c": 1, "d": 0, "e": 0}),
        (("ba", "cb"), {"c": 2, "b": 1, "a": 0}),
        (("aa", "ab"), {"a": 1, "b": 0}),
    ],
)
def test_the_longest_chain_ahead_counts(edges: tuple[str, ...], ahead: dict[str, int]) -> None:
    assert edges_ahead(graph_of(*edges, nodes="" if edges else "a")) == ahead


def test_a_cycle_is_entered_from_outside() -> None:
    assert edges_ahead(graph_of("bc", "cd", "db", "ab")) == {"a": 3, "b": 2, "c": 1, "d": 0}


def test_a_cycle_without_an_entrance_begins_where_the_file_does() -> None:
    assert edges_ahead(graph_of("bc", "cd", "db")) == {"b": 2, "c": 1, "d": 0}


def test_a_long_chain_is_no_recursion() -> None:
    graph = graph_pb2.Graph()
    for place in range(5000):
        graph.nodes.add(name=f"n{place}")
        if place:
            graph.edges.add(from_node=f"n{place - 1}", to_node=f"n{place}")
    assert edges_ahead(graph)["n0"] == 4999


def test_the_end_of_a_chain_has_the_shortest_slice_and_none_is_longer_than_others() -> None:
    slices = list(time_slices_us(graph_of("ab", "bc", "cd", "de", "ef", "fg", "gh", "hi", "ij")).values())

    assert slices == sorted(slices, reverse=True)
    assert (slices[-1], slices[0]) == (SHORTEST_US, LONGEST_US)
    assert len(set(slices)) >= 7


@pytest.mark.parametrize("nodes", [2, 5, 10])
def test_every_hop_has_the_same_lead_over_its_reader(nodes: int) -> None:
    slices = list(time_slices_us(graph_of(*["abcdefghij"[at : at + 2] for at in range(nodes - 1)])).values())
    leads = [sender - reader for sender, reader in zip(slices, slices[1:])]

    assert min(leads) >= 100, "a step with cold caches takes as long, and its reader then goes first"
    assert max(leads) - min(leads) <= 1


def test_a_node_alone_has_the_shortest_slice() -> None:
    graph = graph_pb2.Graph()
    graph.nodes.add(name="a")

    assert time_slices_us(graph) == {"a": SHORTEST_US}


def test_a_plan_tells_every_node_its_slice() -> None:
    [machine] = plan_run(graph_of("ab", "bc"), "1-abcd", ["here"]).machines

    assert {node.node.name: node.time_slice_us for node in machine.nodes} == {"a": 600, "b": 350, "c": 100}
