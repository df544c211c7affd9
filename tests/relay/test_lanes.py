"""Lanes between two relay processes: who dials, what shares one, silence."""

from __future__ import annotations

import contextlib
import signal
import socket

import grpc
import psutil
import pytest
from relay_cable import Cable
from relay_edge import Edge, until
from relay_pair import on_both_wires

from rtmesh.common.serving import CHANNEL_OPTIONS
from rtmesh.relay.wire import EXCHANGE
from rtmesh.shm import Policy
from rtmesh.v1.relay_pb2 import Frame, LaneHello


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def end_of(call) -> grpc.StatusCode:
    """How a lane ends; what comes before it has to be read first."""
    with contextlib.suppress(grpc.RpcError):
        for _ in call:
            pass
    return call.code()


def connections_to(relay) -> int:
    """How many TCP connections its data port has."""
    port = int(relay.data.rsplit(":", 1)[1])
    return sum(
        connection.laddr.port == port and connection.status == psutil.CONN_ESTABLISHED
        for connection in psutil.Process(relay.process.pid).net_connections("tcp")
    )


@on_both_wires
def test_the_small_edges_of_two_machines_share_one_connection_and_the_large_ones_another(pair):
    edges = [Edge("a"), Edge("b"), Edge("latest", Policy.LATEST, queue=1)]
    large = [Edge("large", own_lane=True), Edge("larger", own_lane=True)]
    p = pair(*edges, *large, right_data=f"127.0.0.1:{free_port()}", data=f"127.0.0.1:{free_port()}")
    for edge in (*edges, *large):
        edge.pump(50)

    assert (connections_to(p.left), connections_to(p.right)) == (0, 2)


@on_both_wires
def test_small_edges_alone_need_no_second_connection(pair):
    a = Edge("a")
    p = pair(a, right_data=f"127.0.0.1:{free_port()}", data=f"127.0.0.1:{free_port()}")
    a.pump(50)

    assert (connections_to(p.left), connections_to(p.right)) == (0, 1)


@on_both_wires
@pytest.mark.parametrize("which", ["small", "large"])
def test_a_connection_that_stalls_holds_its_own_edges_alone_and_they_go_on_over_a_new_one(pair, which):
    edges = {"small": Edge("small"), "large": Edge("large", own_lane=True)}
    p = pair(*edges.values(), carry=False, right_data=f"127.0.0.1:{free_port()}")
    with Cable(p.right.data) as cable:
        p.carry_left(addresses={"right": cable.address})
        p.carry_right()
        p.wait_connected()
        used = {
            name: cable.used_by(lambda edge=edge: edge.pump(1000), 20_000) for name, edge in edges.items()
        }
        assert used["small"] is not used["large"]
        stalled = edges.pop(which)
        (other,) = edges.values()

        used[which].stall()
        stalled.fill()
        for _ in range(5):
            other.pump(500)
        stalled.pump(100)

        assert len(cable.connections) == 3  # the other one was not cut
        for edge in (stalled, other):
            edge.writer.end()
            edge.take_all()
            assert edge.received == list(range(edge.published))
            edge.check_account()


@on_both_wires
def test_the_first_machine_by_name_dials_and_the_other_only_if_it_waits_in_vain(pair):
    a = Edge("a")
    p = pair(a, carry=False, right_data=f"127.0.0.1:{free_port()}", data=f"127.0.0.1:{free_port()}")
    p.carry_left(addresses={})
    p.carry_right()
    p.wait_connected()
    a.pump(50)

    assert (connections_to(p.left), connections_to(p.right)) == (1, 0)


@on_both_wires
def test_a_relay_that_stands_still_is_told_as_a_cut_and_goes_on_where_it_was(pair):
    a = Edge("a")
    p = pair(a)
    a.pump(100)

    p.left.process.send_signal(signal.SIGSTOP)
    try:
        cut = p.right.wait_for(a.name, connected=False)
        a.fill()
    finally:
        p.left.process.send_signal(signal.SIGCONT)

    assert "has not been heard for 2.5 s" in cut.reason
    a.pump(100)
    a.writer.end()
    a.take_all()
    assert a.received == list(range(a.published))
    a.check_account()


def test_a_slow_edge_does_not_hold_the_others_of_its_lane(pair):
    slow, quick = Edge("slow", queue=4), Edge("quick")
    pair(slow, quick)
    slow.fill()

    quick.pump(500)

    assert slow.received == []
    slow.take_some()
    assert slow.received == [0, 1, 2, 3]


@on_both_wires
def test_a_large_edge_whose_reader_is_slow_does_not_hold_small_ones(pair):
    slow, quick = Edge("slow", queue=4, slot_bytes=1 << 20, own_lane=True), Edge("quick")
    pair(slow, quick)
    data = bytes(1 << 20)
    while slow.writer.try_publish(data, 7):
        pass

    quick.pump(500)

    until(lambda: slow.reader.available() == 4, "its ring is full")
    assert slow.into.snapshot().readers[0].taken == 0


@on_both_wires
def test_a_message_in_parts_that_is_cut_comes_whole_later(pair):
    a = Edge("a", queue=2, slot_bytes=64 << 20, own_lane=True)
    p = pair(a)
    data = bytes(range(256)) * ((60 << 20) // 256)
    assert a.writer.try_publish(data, 7)
    until(lambda: a.out.snapshot().readers[0].delivered == 1, "the relay takes it")

    p.kill("left")
    p.restart("left")
    a.writer.end()
    until(lambda: a.reader.available() == 1, "it has come")

    view = a.reader.try_take(0)
    assert memoryview(view) == data
    assert a.reader.ended


@on_both_wires
@pytest.mark.parametrize("frame", [b"\x2a\x05\x0d", b"\xff\xff", b"\x32\x01\x00"])
def test_a_frame_that_is_none_ends_its_lane_and_no_other(pair, frame):
    a = Edge("a")
    p = pair(a)
    channel = grpc.insecure_channel(p.left.data, options=CHANNEL_OPTIONS)
    p.calls.callback(channel.close)
    hello = Frame(hello=LaneHello(machine="third")).SerializeToString()

    call = channel.stream_stream(EXCHANGE)(iter([hello, frame]), timeout=20)

    assert end_of(call) is grpc.StatusCode.FAILED_PRECONDITION
    assert "is no frame" in call.details()
    a.pump(50)


@on_both_wires
def test_a_newer_lane_of_the_same_name_ends_the_older(pair):
    p = pair(carry=False)
    older = p.dial_left()
    next(older)
    newer = p.dial_left()
    next(newer)

    assert end_of(older) is grpc.StatusCode.ABORTED
    assert "a newer lane took its place" in older.details()
    assert newer.is_active()
