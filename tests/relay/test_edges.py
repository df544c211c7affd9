"""Edges between two relay processes: order, content, back-pressure, accounts, end."""

from __future__ import annotations

import socket

import pytest
from relay_edge import Edge, until
from relay_pair import on_both_wires

from rtmesh.shm import Policy, ReaderState, wait


@on_both_wires
def test_messages_arrive_in_order_and_unchanged(pair):
    a = Edge("a", queue=16)
    pair(a)

    a.pump(2000)
    a.writer.end()
    a.take_all()

    assert a.received == list(range(2000))
    a.check_account()


@on_both_wires
def test_edges_between_two_machines_share_a_relay_and_do_not_mix(pair):
    edges = [Edge(name) for name in "abcd"]
    pair(*edges)

    for each in edges:
        each.pump(100 + len(each.received))
        each.writer.end()
    for each in edges:
        each.take_all()

        assert each.received == list(range(100))
        each.check_account()


@on_both_wires
def test_a_stalled_far_reader_holds_the_writer_at_exactly_its_queue(pair):
    a = Edge("a", queue=8)
    pair(a)

    assert a.fill() == 8
    until(lambda: a.reader.available() == 8, "all eight cross")
    assert a.fill() == 0

    for _ in range(8):
        a.take(release=False)
    assert a.fill() == 0

    a.reader.release(3)
    a.publish(3)
    assert a.fill() == 0
    a.reader.release()
    a.publish(5)
    assert a.fill() == 0


def test_a_queue_of_one_passes_one_message_at_a_time(pair):
    a = Edge("a", queue=1)
    pair(a)

    for number in range(50):
        a.publish(1)
        assert a.take() == number

    a.writer.end()
    a.take_all()
    a.check_account()


@on_both_wires
@pytest.mark.parametrize("policy", [Policy.DROP_OLDEST, Policy.LATEST])
def test_a_dropping_edge_never_holds_its_writer_and_drops_are_the_sum_of_both_ends(pair, policy):
    a = Edge("a", policy, queue=4 if policy is Policy.DROP_OLDEST else 1)
    pair(a)

    for _ in range(3000):
        assert a.try_publish()
    a.writer.end()
    until(lambda: a.into.snapshot().ended, "the end crosses")
    a.take_all()

    assert a.received == list(range(3000 - a.queue, 3000))
    a.check_account(dropped=3000 - a.queue)


def test_a_dropping_edge_with_a_quick_reader_loses_nothing(pair):
    a = Edge("a", Policy.DROP_OLDEST, queue=8)
    pair(a)

    for number in range(300):
        a.publish(1)
        assert a.take() == number

    a.writer.end()
    a.take_all()
    a.check_account()


def test_the_end_of_an_empty_stream_arrives(pair):
    a = Edge("a")
    pair(a)

    a.writer.end()
    a.take_all()

    assert a.received == []
    a.check_account()


@pytest.mark.parametrize("own_lane", [False, True])
@pytest.mark.parametrize("size", [0, 1, 70_000, 4 << 20, (4 << 20) + 1, (9 << 20) + 5])
def test_a_message_of_any_size_crosses_over_tcp_unchanged(pair, size, own_lane):
    a = Edge("a", queue=2, slot_bytes=16 << 20, own_lane=own_lane)
    pair(a, data=f"127.0.0.1:{free_port()}")
    data = (bytes(range(251)) * (size // 251 + 1))[:size]

    for publish_time_ns in (5, 6):
        assert a.writer.try_publish(data, publish_time_ns)
    a.writer.end()
    views = [first_view(a), first_view(a)]

    assert [bytes(view) == data for view in views] == [True, True]
    assert [view.publish_time_ns for view in views] == [5, 6]


def test_an_edge_is_connected_only_once_the_far_side_is_prepared(pair):
    a = Edge("a")
    p = pair(a, carry=False)

    p.carry_right()
    assert p.right.wait_for(a.name, connected=False).reason == "waiting for left"
    a.publish(3)
    p.carry_left()
    p.wait_connected()

    assert [a.take() for _ in range(3)] == [0, 1, 2]


def test_a_released_run_lets_go_of_its_rings_and_ends_nothing(pair):
    a = Edge("a")
    p = pair(a)
    a.pump(10)

    p.release()

    out, into = a.out.snapshot(), a.into.snapshot()
    assert into.writer_pid == 0
    assert out.readers[0].state == ReaderState.ABSENT
    assert not out.ended and not into.ended


def test_carrying_a_run_again_changes_nothing(pair):
    a = Edge("a")
    p = pair(a)
    a.pump(10)

    p.carry()
    a.pump(10)
    a.writer.end()
    a.take_all()

    assert a.received == list(range(20))
    a.check_account()


@on_both_wires
def test_a_relay_that_is_told_to_stop_ends_with_0(pair):
    a = Edge("a")
    p = pair(a)

    assert p.right.terminate() == 0
    assert p.left.terminate() == 0


def first_view(a):
    assert wait(readers=(a.reader,), timeout_ns=20_000_000_000)
    return a.reader.try_take(0)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
