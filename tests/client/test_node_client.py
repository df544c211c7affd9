"""A client of a node against a real service process, with a plain stub beside it for comparison.

The test is the node's loop: it publishes, takes what was fed, and answers calls.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from served_node import SERVICE, WAIT_S, FakeLoop, ServedNode, taken
from served_node import Client as PlainClient

from rtmesh.client import node_tap
from rtmesh.client.node import NodeClient, array
from rtmesh.common.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    RtmeshError,
    UnavailableError,
)
from rtmesh.shm import Reader, Writer
from rtmesh.v1 import graph_pb2, status_pb2, stream_pb2


def client_of(node: ServedNode) -> NodeClient:
    return NodeClient(node.address, node.descriptors, SERVICE, name="cursor/decoder", timeout_s=WAIT_S)


@pytest.fixture
def client(node: ServedNode) -> Iterator[NodeClient]:
    with NodeClient(
        node.address, node.descriptors, SERVICE, name="cursor/decoder", timeout_s=WAIT_S
    ) as client:
        yield client


@pytest.fixture
def loop(node: ServedNode) -> Iterator[FakeLoop]:
    loop = FakeLoop(node)
    loop.tell_state(status_pb2.NODE_STATE_RUNNING)
    yield loop
    loop.close()


@pytest.fixture
def writer(node: ServedNode) -> Iterator[Writer]:
    writer = Writer(node.segments["decoder.velocity"])
    yield writer
    writer.close()


@pytest.fixture
def reader(node: ServedNode) -> Iterator[Reader]:
    reader = Reader(node.segments["decoder.bins"], 0)
    yield reader
    reader.close()


@pytest.fixture
def background() -> Iterator[Callable[..., Future]]:
    with ThreadPoolExecutor() as pool:
        yield pool.submit


def publish(node: ServedNode, writer: Writer, sequences: range) -> None:
    for sequence in sequences:
        assert writer.try_publish(node.velocity(sequence), time.monotonic_ns())


def graph(node: ServedNode) -> graph_pb2.Graph:
    found = graph_pb2.Node(name="decoder", service=SERVICE)
    return graph_pb2.Graph(name="cursor", descriptors=node.descriptors, nodes=[found])


# Outputs


def test_a_tap_gives_what_a_plain_stub_gets(node: ServedNode, client: NodeClient, writer: Writer) -> None:
    plain = PlainClient(node)
    stream = plain.output("Velocity")
    stream.send(stream_pb2.Credit(messages=3))
    stream.half_close()

    with client.tap("velocity", count=3) as tap:
        publish(node, writer, range(1, 6))
        ours = [message.SerializeToString() for message in tap]

    assert ours == [message.SerializeToString() for message in stream.rest()]
    assert len(ours) == 3
    plain.close()


def test_a_tap_reads_from_the_moment_it_is_made(node: ServedNode, client: NodeClient, writer: Writer) -> None:
    publish(node, writer, range(1, 4))
    tap = client.tap("velocity")
    publish(node, writer, range(4, 7))

    assert [next(tap).header.sequence for _ in range(3)] == [4, 5, 6]
    tap.close()


def test_a_tap_grants_on_while_it_reads_so_it_never_starves(
    node: ServedNode, client: NodeClient, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_tap, "WINDOW", 8)
    with client.tap("velocity", count=0) as tap:
        for first in range(1, 201, 4):
            publish(node, writer, range(first, first + 4))
            assert [next(tap).header.sequence for _ in range(4)] == [*range(first, first + 4)]


def test_a_tap_of_more_than_a_window_ends_after_its_count(
    node: ServedNode, client: NodeClient, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_tap, "WINDOW", 8)
    with client.tap("velocity", count=21) as tap:
        got = []
        for first in range(1, 41, 4):
            publish(node, writer, range(first, first + 4))
            got += [message.header.sequence for _, message in zip(range(4), tap)]

    assert got == [*range(1, 22)]


def test_closing_a_tap_ends_who_waits_for_it(client: NodeClient, background: Callable[..., Future]) -> None:
    tap = client.tap("velocity")
    waiting = background(list, tap)

    tap.close()

    assert waiting.result(WAIT_S) == []


def test_a_tap_that_nobody_closes_leaves_no_thread(client: NodeClient) -> None:
    before = set(threading.enumerate())
    tap = client.tap("velocity")
    mine = set(threading.enumerate()) - before
    assert mine

    del tap

    for thread in mine:
        thread.join(WAIT_S)
    assert not any(thread.is_alive() for thread in mine)


def test_a_service_that_goes_away_ends_a_tap_with_an_error_that_names_the_node(own_node: ServedNode) -> None:
    with NodeClient(
        own_node.address, own_node.descriptors, SERVICE, name="cursor/decoder", timeout_s=WAIT_S
    ) as client:
        tap = client.tap("velocity")
        own_node.end()
        with pytest.raises(UnavailableError, match="cursor/decoder: "):
            next(tap)


# Inputs


def test_fed_messages_arrive_with_the_header_of_the_node(
    node: ServedNode, client: NodeClient, reader: Reader, background: Callable[..., Future]
) -> None:
    fed = background(
        client.feed, "bins", ({"counts": np.full(4, k, np.uint8), "label": str(k)} for k in range(30))
    )
    messages = [node.message("BinnedSpikes").FromString(data) for _, data in zip(range(30), taken(reader))]

    assert fed.result(WAIT_S) == 30
    assert [message.label for message in messages] == [str(k) for k in range(30)]
    assert [array(message.counts).tolist() for message in messages] == [[k] * 4 for k in range(30)]
    assert array(messages[0].counts).dtype == np.uint8
    first = messages[0].header.sequence
    assert [message.header.sequence for message in messages] == [*range(first, first + 30)]


def test_a_message_of_another_pool_may_be_fed(
    node: ServedNode, client: NodeClient, reader: Reader, background: Callable[..., Future]
) -> None:
    fed = background(client.feed, "bins", [node.message("BinnedSpikes")(label="theirs")])

    assert node.message("BinnedSpikes").FromString(next(taken(reader))).label == "theirs"
    assert fed.result(WAIT_S) == 1


def test_a_message_that_does_not_fit_ends_the_feed_and_those_before_are_stored(
    node: ServedNode, client: NodeClient, reader: Reader
) -> None:
    with pytest.raises(InvalidArgumentError, match="^cursor/decoder.bins: label: is the number 7; "):
        client.feed("bins", [{"label": "first"}, {"label": 7}])


def test_what_the_callers_own_iterator_raises_comes_out(client: NodeClient) -> None:
    def broken() -> Iterator[dict[str, Any]]:
        raise ZeroDivisionError
        yield {}

    with pytest.raises(ZeroDivisionError):
        client.feed("bins", broken())


def test_an_input_that_an_edge_feeds_says_which(client: NodeClient) -> None:
    with pytest.raises(FailedPreconditionError, match=r"input decoder.target is fed by pointer.target"):
        client.feed("target", [{"vx": 1.0}])


# Methods and parameters


def test_a_call_with_plain_values_is_the_call_of_a_plain_stub(
    node: ServedNode, client: NodeClient, loop: FakeLoop, background: Callable[..., Future]
) -> None:
    plain = PlainClient(node)
    theirs = plain.method("Calibrate", node.message("CalibrateRequest")(name="a"), "CalibrateResponse")
    first = loop.take_request()
    loop.reply(first, response=node.message("CalibrateResponse")(error=0.5).SerializeToString())
    ours = background(client.call, "Calibrate", {"name": "a"})
    second = loop.take_request()
    loop.reply(second, response=node.message("CalibrateResponse")(error=0.5).SerializeToString())

    assert (second.method, second.request) == (first.method, first.request)
    assert ours.result(WAIT_S).error == theirs.result().error == 0.5
    plain.close()


def test_parameters_are_read_by_an_empty_request_and_changed_by_one_with_values(
    node: ServedNode, client: NodeClient, loop: FakeLoop, background: Callable[..., Future]
) -> None:
    parameters = node.message("Parameters")
    read = background(client.parameters)
    request = loop.take_request()
    assert (request.method, request.request) == ("Configure", b"")
    loop.reply(request, response=parameters(window=15).SerializeToString())
    changed = background(client.configure, {"window": 0})
    request = loop.take_request()
    assert parameters.FromString(request.request).HasField("window")
    loop.reply(request, response=parameters(window=0).SerializeToString())

    assert (read.result(WAIT_S).window, changed.result(WAIT_S).window) == (15, 0)


def test_what_a_node_refuses_is_told_in_its_words(
    client: NodeClient, loop: FakeLoop, background: Callable[..., Future]
) -> None:
    changed = background(client.configure, {"window": 99})
    loop.reply(loop.take_request(), code=3, message="window: is fixed when the node starts")

    with pytest.raises(InvalidArgumentError, match="window: is fixed when the node starts"):
        changed.result(WAIT_S)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"window": "many"}, "cursor/decoder.Configure: window: is the text 'many'; expected uint32"),
        ({"window": -1}, "out of range for uint32; choose from 0 to 4294967295"),
        ({"windows": 1}, "served.v1.Parameters has no field 'windows'; did you mean window?"),
    ],
)
def test_a_value_that_does_not_fit_names_the_field(
    client: NodeClient, values: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidArgumentError) as raised:
        client.configure(values)

    assert said in str(raised.value)


def test_a_node_that_does_not_run_says_so(own_node: ServedNode) -> None:
    loop = FakeLoop(own_node)
    loop.tell_state(status_pb2.NODE_STATE_FAILED, "KeyError: 7")
    with (
        NodeClient(
            own_node.address, own_node.descriptors, SERVICE, name="cursor/decoder", timeout_s=WAIT_S
        ) as client,
        pytest.raises(UnavailableError, match=r"^cursor/decoder: node decoder .*KeyError|is not running"),
    ):
        client.call("Calibrate")
    loop.close()


# Names and reach


@pytest.mark.parametrize(
    ("use", "said"),
    [
        (lambda client: client.tap("velocty"), " has no output 'velocty': did you mean velocity?"),
        (lambda client: client.tap("bins"), ".bins is an input: its outputs: velocity, summary"),
        (lambda client: client.feed("velocity", []), ".velocity is an output: its inputs: bins, target"),
        (lambda client: client.call("Calibrat"), " has no method 'Calibrat': did you mean Calibrate?"),
    ],
)
def test_a_wrong_name_is_told_with_the_right_one(
    client: NodeClient, use: Callable[[NodeClient], object], said: str
) -> None:
    with pytest.raises(NotFoundError) as raised:
        use(client)

    assert str(raised.value) == f"cursor/decoder{said}"


def test_a_message_of_another_type_is_refused(node: ServedNode, client: NodeClient) -> None:
    with pytest.raises(InvalidArgumentError, match="Calibrate takes served.v1.CalibrateRequest, not served"):
        client.call("Calibrate", node.message("Parameters")())


def test_an_address_where_nobody_answers_is_named(node: ServedNode, tmp_path: Path) -> None:
    client = NodeClient(f"unix:{tmp_path}/nobody", graph(node), SERVICE, timeout_s=0.05)

    with pytest.raises(UnavailableError, match=f"nobody answers at unix:{tmp_path}/nobody within 0.05 s"):
        client.parameters()


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (
            {"state": status_pb2.NODE_STATE_LOST, "machine": "sim", "address": "unix:/x"},
            "its machine sim is not",
        ),
        ({"state": status_pb2.NODE_STATE_STOPPED, "address": "unix:/x"}, "is stopped: apply its graph again"),
        ({"state": status_pb2.NODE_STATE_STARTING}, "has no service yet: try again when it runs"),
        (
            {"state": status_pb2.NODE_STATE_FAILED, "reason": "KeyError: 7", "address": "unix:/x"},
            "node cursor/decoder has failed (KeyError: 7): start its graph again",
        ),
    ],
)
def test_a_node_that_cannot_be_reached_says_why(node: ServedNode, status: dict[str, Any], said: str) -> None:
    with pytest.raises(RtmeshError) as raised:
        NodeClient.of(graph(node), status_pb2.NodeStatus(name="decoder", **status)).parameters()

    assert said in str(raised.value)


def test_two_versions_of_a_contract_live_in_one_process(node: ServedNode) -> None:
    from rtmesh.graph.protos import compile_protos

    folder = node.folder / "other" / "served" / "v1"
    folder.mkdir(parents=True)
    source = Path(__file__).parent.parent / "node" / "data" / "served" / "v1" / "decoder.proto"
    (folder / "decoder.proto").write_text(source.read_text().replace("uint32 window", "string windows"))
    other = compile_protos(["served/v1/decoder.proto"], [node.folder / "other"])

    ours, theirs = (NodeClient("unix:/x", protos, SERVICE) for protos in (node.descriptors, other))

    assert list(ours.require_parameters().fields_by_name) == ["window"]
    assert list(theirs.require_parameters().fields_by_name) == ["windows"]
