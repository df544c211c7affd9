"""What a lane does when there is little to do, without a relay process around it."""

from __future__ import annotations

import os
import sys
from functools import partial

import pytest

from rtmesh.relay import lane as lane_module
from rtmesh.relay.egress import EgressEdge
from rtmesh.relay.ingress import IngressEdge
from rtmesh.relay.ingress_ring import IngressRing
from rtmesh.relay.lane import HEARTBEAT_S, Lane
from rtmesh.shm import Policy, Reader, ReaderLayout, RingLayout, Writer, create_ring
from rtmesh.v1.plan_pb2 import IngressPlan
from rtmesh.v1.relay_pb2 import Frame

LITTLE_S = 0.02


@pytest.fixture
def rings():
    made = []
    for label in ("out", "into"):
        name = f"rtmesh.{os.getuid()}.test-lane.{os.getpid()}-{label}"
        made.append(create_ring(name, RingLayout(16, 4096, (ReaderLayout("r", Policy.BLOCK, 16),))))
    yield [ring.name for ring in made]
    for ring in made:
        ring.unlink()


@pytest.fixture
def joined(rings):
    """Two lanes, each the far side of the other, with one edge open; the test hands over what they say."""
    egress = EgressEdge("a", rings[0], 0)
    plan = IngressPlan(edge="a", from_machine="x", when_full=1, queue=16)
    ingress = IngressEdge("run", plan, IngressRing(rings[1]), lambda *_: None)
    near = Lane("x", "y", "", lambda *_: egress, lambda: None)
    far = Lane("y", "x", "", lambda *_: egress, lambda: None)
    far.open(ingress)
    near.before_look = lambda: None  # a test's: while the last frame is on its way
    said, answered = near.frames(lambda: near.before_look()), far.frames()
    next(said), next(answered)
    near.receive([next(answered)])
    far.receive([next(said)])
    yield near, said, far, answered
    for lane in (near, far):
        lane.end(lane_module.AbortedError("the test is over"))
    ingress.close()
    egress.close()


def test_a_message_that_its_reader_keeps_lets_the_lane_rest(joined, rings, monkeypatch):
    _, said, far, answered = joined
    writer, reader = Writer(rings[0]), Reader(rings[1], 0)
    assert writer.try_publish(b"kept", 0)
    far.receive([next(said)])
    kept = reader.try_take(0)
    sleeps = []
    monkeypatch.setattr(lane_module, "wait", lambda *args, **kw: sleeps.append(kw) or real_wait(*args, **kw))

    while next(answered):
        pass  # up to the first heartbeat, which is empty

    assert len(sleeps) <= 2 + HEARTBEAT_S / LITTLE_S
    assert bytes(kept) == b"kept"


def test_what_was_released_is_told_soon_though_it_is_little(joined, rings):
    _, said, far, answered = joined
    writer, reader = Writer(rings[0]), Reader(rings[1], 0)
    assert writer.try_publish(b"x", 0)
    far.receive([next(said)])
    reader.try_take(0)
    reader.release()

    told = Frame.FromString(next(answered))

    assert [(grant.credit, grant.released_position) for grant in told.grants] == [(1, 1)]


def test_what_piles_up_while_a_frame_is_on_its_way_goes_together_in_the_next(joined, rings):
    near, said, far, _ = joined
    writer, reader = Writer(rings[0]), Reader(rings[1], 0)
    near.before_look = lambda: [writer.try_publish(b"more", 0) for _ in range(4)]
    assert writer.try_publish(b"first", 0)

    far.receive([next(said)])

    assert reader.available() == 5


def test_parts_of_one_message_follow_each_other_without_a_sleep(joined, rings, monkeypatch):
    near, said, _, _ = joined
    (outgoing,) = near._departures._begun.values()
    outgoing.is_large = True
    near._departures._sort()
    left = [[b"one"], [b"two"], [b"three"]]
    monkeypatch.setattr(outgoing, "next_field", lambda: left.pop(0))
    monkeypatch.setattr(type(outgoing), "is_amid", property(lambda self: bool(left)))
    assert Writer(rings[0]).try_publish(b"wakes it", 0)

    assert next(said) == b"one"
    monkeypatch.setattr(lane_module, "wait", lambda *args, **kw: pytest.fail("it sleeps"))

    assert [next(said), next(said)] == [b"two", b"three"]


def calls_of(act):
    """How many functions in Python are called on the way."""
    calls = []
    sys.setprofile(lambda frame, event, argument: calls.append(frame.f_code) if event == "call" else None)
    try:
        result = act()
    finally:
        sys.setprofile(None)
    return result, len(calls)


def test_few_functions_in_python_are_called_for_a_message(joined, rings):
    """With cold caches, as at 1 kHz, these are most of what a relay adds to a message's way."""
    _, said, far, _ = joined
    writer, reader = Writer(rings[0]), Reader(rings[1], 0)
    for _ in range(3):  # the first may bring other news
        assert writer.try_publish(b"x", 0)
        frame, sending = calls_of(partial(next, said))
        _, taking = calls_of(partial(far.take, frame))
        assert reader.try_take(0) is not None
        reader.release()

    assert sending <= 15
    assert taking <= 19


real_wait = lane_module.wait
