"""What GRAPH/NODE.PORT names."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from small_graphs import chain

from rtmesh.cli.naming import (
    FoundMethod,
    FoundNode,
    FoundPort,
    find_input,
    find_method,
    find_node,
    find_output,
    require_address,
    split_member,
)
from rtmesh.client import Client
from rtmesh.common.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError, RtmeshError
from rtmesh.v1 import graph_pb2, status_pb2

RUNNING, STOPPED = status_pb2.GRAPH_PHASE_RUNNING, status_pb2.GRAPH_PHASE_STOPPED


class KnownGraphs(Client):
    """A client that knows some graphs by itself."""

    def __init__(self, *graphs: tuple[graph_pb2.Graph, int]) -> None:
        super().__init__("unix:none")
        self._known = graphs

    def list(self) -> list[status_pb2.GraphStatus]:
        return [
            status_pb2.GraphStatus(
                name=graph.name,
                phase=phase,
                nodes=[status_pb2.NodeStatus(name=node.name) for node in graph.nodes],
            )
            for graph, phase in self._known
        ]

    def definition(self, name: str) -> graph_pb2.Graph:
        return next(graph for graph, _ in self._known if graph.name == name)


@pytest.fixture
def client() -> Client:
    cursor = chain("cursor", "pointer", "decoder", "score")
    cursor.nodes[1].methods.add(name="Configure")
    cursor.nodes[1].methods.add(name="Calibrate")
    return KnownGraphs(
        (cursor, RUNNING),
        (chain("keys", "board", "score"), RUNNING),
        (chain("old", "decoder", "ender"), STOPPED),
    )


@pytest.mark.parametrize(
    ("text", "full_name"),
    [
        ("cursor/decoder", "cursor/decoder"),
        ("old/decoder", "old/decoder"),
        ("pointer", "cursor/pointer"),
        ("decoder", "cursor/decoder"),  # the other one does not live
        ("ender", "old/ender"),
        ("keys/score", "keys/score"),
    ],
)
def test_a_graph_may_be_left_out_where_it_is_plain(client: Client, text: str, full_name: str) -> None:
    found = find_node(client, text)

    assert found.full_name == full_name
    assert found.node.name == found.status.name == full_name.partition("/")[2]


def test_ports_and_methods_are_found(client: Client) -> None:
    assert find_output(client, "decoder.out").full_name == "cursor/decoder.out"
    assert find_input(client, "keys/score.in").full_name == "keys/score.in"
    assert find_method(client, "decoder.Calibrate").full_name == "cursor/decoder.Calibrate"


Find = Callable[[Client, str], FoundNode | FoundPort | FoundMethod]


@pytest.mark.parametrize(
    ("find", "text", "said"),
    [
        (find_node, "score", "2 graphs have a node 'score': write one of cursor/score, keys/score"),
        (find_node, "decodr", "there is no node 'decodr' in any graph: did you mean decoder?"),
        (find_node, "curso/decoder", "there is no graph 'curso': did you mean cursor?"),
        (find_node, "keys/pointer", "there is no node 'pointer' in graph keys: known: board, score"),
        (find_output, "decoder.outt", "cursor/decoder has no output 'outt': did you mean out?"),
        (find_output, "decoder.in", "cursor/decoder.in is an input: name an output"),
        (find_input, "decoder.out", "cursor/decoder.out is an output: name an input"),
        (find_input, "pointer.in", "cursor/pointer has no input 'in': it has no inputs"),
        (find_method, "decoder.Calibrat", "no method 'Calibrat': did you mean Calibrate?"),
        (find_method, "pointer.Configure", "cursor/pointer has no method 'Configure': it has no methods"),
        (find_output, "decoder", "'decoder' names no port: write NODE.PORT or GRAPH/NODE.PORT"),
        (find_output, ".out", "'.out' names no port"),
        (find_output, "cursor/.out", "'cursor/.out' names no port"),
        (find_method, "decoder.", "'decoder.' names no method: write NODE.METHOD or GRAPH/NODE.METHOD"),
    ],
)
def test_what_is_not_there_is_answered_with_a_remedy(
    client: Client, find: Find, text: str, said: str
) -> None:
    with pytest.raises(RtmeshError) as raised:
        find(client, text)

    assert said in str(raised.value)
    assert isinstance(raised.value, (InvalidArgumentError, NotFoundError))


def test_a_mesh_without_graphs_says_how_to_begin() -> None:
    with pytest.raises(NotFoundError, match="no graph is there: meshctl apply -f GRAPH"):
        find_node(KnownGraphs(), "decoder")


def test_a_member_may_have_dots_of_its_own() -> None:
    assert split_member("cursor/decoder.gain.x", "PARAMETER") == ("cursor/decoder", "gain.x")


def test_a_node_without_a_service_cannot_be_dialled(client: Client) -> None:
    found = find_node(client, "pointer")
    with pytest.raises(FailedPreconditionError, match="meshctl describe node cursor/pointer"):
        require_address(found)

    found.status.address = "unix:/run/pointer.sock"
    assert require_address(found) == "unix:/run/pointer.sock"
