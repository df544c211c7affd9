"""kill -9 of either relay, cuts, and takeovers: nothing is lost or repeated, accounts stay exact."""

from __future__ import annotations

import grpc
import pytest
from relay_edge import Edge, until
from relay_pair import RUN, on_both_wires

from rtmesh.common.serving import CHANNEL_OPTIONS
from rtmesh.shm import Policy, ReaderState
from rtmesh.v1 import relay_pb2, relay_pb2_grpc


@on_both_wires
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_block_edge_survives_kills_of_a_relay_without_loss_or_repetition(pair, side):
    a = Edge("a", queue=32)
    p = pair(a)

    for _ in range(3):
        a.pump(200)
        p.kill(side)
        a.fill()
        p.restart(side)
        a.pump(100)
    a.writer.end()
    a.take_all()

    assert a.received == list(range(a.published))
    a.check_account()


@pytest.mark.parametrize("side", ["left", "right"])
def test_what_the_far_loop_has_not_released_is_neither_lost_nor_sent_twice(pair, side):
    a = Edge("a", queue=8)
    p = pair(a)
    a.fill()
    until(lambda: a.reader.available() == 8, "all eight cross")
    for _ in range(5):
        a.take(release=False)

    p.kill(side)
    p.restart(side)
    p.wait_connected()

    assert a.fill() == 0
    a.reader.release()
    a.publish(5)
    a.writer.end()
    a.take_all()
    assert a.received == list(range(13))
    a.check_account()


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("policy", [Policy.DROP_OLDEST, Policy.LATEST])
def test_a_dropping_edge_counts_what_a_kill_lost(pair, policy, side):
    a = Edge("a", policy, queue=4 if policy is Policy.DROP_OLDEST else 1)
    p = pair(a)

    for _ in range(3):
        a.pump(200)
        p.kill(side)
        a.publish_now(50)
        p.restart(side)
        p.wait_connected()
    a.writer.end()
    a.take_all()

    assert a.received == sorted(set(a.received))
    assert a.received[-1] == a.published - 1
    a.check_account(dropped=None)


DROPPING = pytest.mark.parametrize(
    ("policy", "queue", "reason"),
    [(Policy.LATEST, 1, "superseded"), (Policy.DROP_OLDEST, 4, "queue_full")],
)


def cut_and_filled(pair, policy, queue):
    """A dropping edge that has delivered one message, lost its far end, and was sent 200 more."""
    a = Edge("a", policy, queue=queue)
    p = pair(a)
    a.publish(1)
    a.take()
    p.kill("right")
    until(lambda: a.out.snapshot().readers[0].state == ReaderState.ABSENT, "the cut is seen")
    a.publish_now(200)
    return a, p


@DROPPING
def test_the_account_of_a_dropping_edge_is_exact_while_it_is_cut(pair, policy, queue, reason):
    a, p = cut_and_filled(pair, policy, queue)

    assert a.account() == {"sent": 201, "delivered": 1, "dropped": 200 - queue, "in_flight": queue}
    p.restart("right")
    p.wait_connected()
    a.writer.end()
    a.take_all()
    assert a.received == [0, *range(201 - queue, 201)]
    a.check_account(dropped=200 - queue)
    assert a.out.snapshot().readers[0].dropped[reason] == 200 - queue


@DROPPING
def test_a_dropping_edge_given_up_while_it_is_cut_tells_both_reasons(pair, policy, queue, reason):
    a, p = cut_and_filled(pair, policy, queue)

    a.out.mark_gone(0)
    a.publish_now(10)

    assert a.account() == {"sent": 211, "delivered": 1, "dropped": 210, "in_flight": 0}
    p.restart("right")
    p.wait_connected()
    a.writer.end()
    a.take_all()
    a.check_account(dropped=210)
    dropped = a.out.snapshot().readers[0].dropped
    assert (dropped[reason], dropped["reader_gone"]) == (200 - queue, queue + 10)


def test_a_killed_sending_relay_is_told_as_a_cut_and_its_return_as_connected(pair):
    a = Edge("a")
    p = pair(a)

    p.kill("left")
    cut = p.right.wait_for(a.name, connected=False)
    p.restart("left")

    assert cut.reason.startswith("left: ")
    p.right.wait_for(a.name, connected=True)


def test_while_the_far_relay_is_dead_the_reader_is_absent(pair):
    a = Edge("a")
    p = pair(a)
    a.pump(20)

    p.kill("right")

    until(lambda: a.out.snapshot().readers[0].state == ReaderState.ABSENT, "the cut is seen")


def test_a_reader_that_was_gone_meanwhile_starts_at_head_and_what_was_missed_is_counted(pair):
    a = Edge("a", queue=8)
    p = pair(a)
    a.pump(20)
    while len(a.received) < 20:
        a.take()
    p.kill("right")
    until(lambda: a.out.snapshot().readers[0].state == ReaderState.ABSENT, "the cut is seen")
    a.out.mark_gone(0)
    for _ in range(30):
        assert a.try_publish()

    p.restart("right")
    p.wait_connected()
    a.publish(5)
    a.writer.end()
    a.take_all()

    assert a.received == [*range(20), *range(50, 55)]
    a.check_account(dropped=30)


def test_what_was_on_the_wire_when_its_reader_was_given_up_is_counted(pair):
    a = Edge("a", queue=8)
    p = pair(a)
    a.pump(100)
    a.fill()
    p.kill("right")
    until(lambda: a.out.snapshot().readers[0].state == ReaderState.ABSENT, "the cut is seen")
    a.out.mark_gone(0)
    a.publish(10)

    p.restart("right")
    p.wait_connected()
    a.pump(50)
    a.writer.end()
    a.take_all()

    assert a.received == sorted(set(a.received))
    assert a.received[-50:] == list(range(a.published - 50, a.published))
    a.check_account(dropped=None)


def test_a_dead_far_relay_holds_the_writer_no_longer_than_the_edge_allows(pair):
    a = Edge("a", queue=4, hold_absent_ns=50_000_000)
    p = pair(a)
    a.pump(10)

    p.kill("right")
    a.publish(30)
    p.restart("right")
    p.wait_connected()
    a.pump(5)
    a.writer.end()
    a.take_all()

    assert a.received[-5:] == list(range(40, 45))
    a.check_account(dropped=None)


def test_a_dead_far_loop_holds_the_writer_no_longer_than_the_edge_allows(pair):
    a = Edge("a", queue=4, hold_absent_ns=50_000_000)
    pair(a)
    a.pump(10)
    a.reader.close()
    a.into.mark_absent(0)

    a.publish(30)
    a.attach_again()
    a.writer.end()
    a.take_all()

    a.check_account(dropped=None)


def test_an_end_that_came_before_a_kill_stays_the_end(pair):
    a = Edge("a")
    p = pair(a)
    a.pump(10)
    a.writer.end()
    a.take_all()

    p.kill("right")
    p.restart("right")
    p.wait_connected()
    p.kill("left")
    p.restart("left")

    assert a.reader.ended
    a.check_account()


def frames_until(call, wished):
    """What comes on a lane, up to the first frame that is as wished."""
    merged = relay_pb2.Frame()
    for frame in call:
        merged.MergeFrom(frame)
        if wished(merged):
            return merged
    raise AssertionError("the lane ended before that")


def opening_of(edge, number, credit):
    grant = relay_pb2.Grant(number=number, credit=credit)
    return relay_pb2.OpenEdge(number=number, run=RUN, edge=edge.name, grant=grant)


def messages_of(frame, number):
    return [record.message for edge in frame.edges if edge.number == number for record in edge.records]


def test_a_later_opening_takes_an_edge_over_and_the_earlier_is_told(pair):
    a = Edge("a")
    p = pair(a, carry=False)
    p.carry_left()
    a.publish(2)

    call = p.dial_left(opening_of(a, 1, credit=1), opening_of(a, 2, credit=2))
    told = frames_until(call, lambda frame: len(frame.answers) >= 2 and len(messages_of(frame, 2)) == 2)

    answers = {answer.number: answer for answer in told.answers}
    assert answers[1].code == grpc.StatusCode.ABORTED.value[0]
    assert "took over" in answers[1].reason
    assert answers[2].code == 0
    assert messages_of(told, 2) == [b"00000000", b"00000001"]


def test_no_message_comes_without_credit(pair):
    a = Edge("a")
    p = pair(a, carry=False)
    p.carry_left()
    a.publish(5)

    call = p.dial_left(opening_of(a, 1, credit=3))
    heard = frames_until(call, lambda frame: len(messages_of(frame, 1)) == 3)
    for _ in range(2):  # heartbeats
        heard.MergeFrom(next(call))

    assert len(messages_of(heard, 1)) == 3


def test_an_edge_that_is_not_there_is_not_found(pair):
    a = Edge("a")
    p = pair(a, carry=False)

    told = frames_until(p.dial_left(opening_of(a, 1, credit=1)), lambda frame: frame.answers)

    assert told.answers[0].code == grpc.StatusCode.NOT_FOUND.value[0]


def test_a_lane_that_does_not_say_who_it_is_is_refused(pair):
    p = pair(carry=False)
    channel = grpc.insecure_channel(p.left.data, options=CHANNEL_OPTIONS)
    p.calls.callback(channel.close)

    call = relay_pb2_grpc.RelayStub(channel).Exchange(iter([relay_pb2.Frame()]), timeout=20)

    assert call.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_run_whose_ring_is_missing_is_refused_and_nothing_of_it_is_carried(pair):
    a = Edge("a")
    p = pair(a, carry=False)

    with pytest.raises(grpc.RpcError) as refused:
        p.carry_left(segments={a.out_ring: a.out.name + "x"})
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert a.out.name + "x" in refused.value.details()

    p.carry()
    a.pump(3)
