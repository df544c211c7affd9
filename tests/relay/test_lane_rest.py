"""What a lane does when there is little to do, without a relay process around it."""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from types import SimpleNamespace

import pytest

from rtmesh.common.errors import NotFoundError
from rtmesh.relay import lane as lane_module
from rtmesh.relay.egress import EgressEdge
from rtmesh.relay.ingress import IngressEdge
from rtmesh.relay.ingress_ring import IngressRing
from rtmesh.relay.lane import HEARTBEAT_S, Lane
from rtmesh.shm import Policy, Reader, ReaderLayout, RingLayout, Writer, create_ring
from rtmesh.v1.plan_pb2 import IngressPlan
from rtmesh.v1.relay_pb2 import Frame, OpenEdge

LITTLE_S = 0.02
QUEUE = 1024


@pytest.fixture
def rings():
    made = []
    for label in ("out", "into"):
        name = f"rtmesh.{os.getuid()}.test-lane.{os.getpid()}-{label}"
        made.append(create_ring(name, RingLayout(QUEUE, 64, (ReaderLayout("r", Policy.BLOCK, QUEUE),))))
    yield [ring.name for ring in made]
    for ring in made:
        ring.unlink()


def refuse(run, edge):
    raise NotFoundError(f"{run} has no {edge}")


@pytest.fixture
def joined(rings):
    """Two lanes, each the far side of the other, with one edge open; the test hands over what they say."""
    egress = EgressEdge("a", rings[0], 0)
    plan = IngressPlan(edge="a", from_machine="x", when_full=1, queue=QUEUE)
    ingress = IngressEdge("run", plan, IngressRing(rings[1]), lambda *_: None)
    near = Lane("x", "y", "", lambda *_: egress, lambda: None)
    far = Lane("y", "x", "", refuse, lambda: None)
    far.open(ingress)
    said, answered = near.frames(), far.frames()
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


class Stream:
    """Messages from near to far, one a period, by a clock that goes on while the far lane sleeps."""

    period_s = 0.001

    def __init__(self, joined, rings, monkeypatch) -> None:
        self.near, self.said, self.far, self.answered = joined
        self.writer, self.reader = Writer(rings[0]), Reader(rings[1], 0)
        self.now_s = self.next_s = time.monotonic()
        self.flows = True
        self.sleeps = 0
        monkeypatch.setattr(lane_module, "time", SimpleNamespace(monotonic=lambda: self.now_s))
        monkeypatch.setattr(lane_module, "wait", self.sleep)

    def sleep(self, readers, *, timeout_ns, released=(), doorbell=None) -> None:
        """Only the far lane does: the near one has a message."""
        self.sleeps += not readers
        until_s = self.now_s + timeout_ns / 1e9 + 1e-6
        while not (readers or real_wait((), timeout_ns=0, doorbell=doorbell)):
            if not self.flows or self.next_s > until_s:
                self.now_s = until_s
                return
            self.now_s, self.next_s = self.next_s, self.next_s + self.period_s
            self.bring()

    def bring(self) -> None:
        assert self.writer.try_publish(b"x", 0)
        self.far.receive([next(self.said)])
        assert self.reader.try_take(0) is not None
        self.reader.release()

    def flow_for_a_while(self) -> None:
        """Until little is told as seldom as it ever is, and then not."""
        for _ in range(5):
            self.told_after_s()
        self.flows = False
        self.bring()

    def told_after_s(self) -> float:
        """How long until the far lane tells what was released."""
        since_s = self.now_s
        while not Frame.FromString(frame := next(self.answered)).grants:
            pass
        self.near.receive([frame])
        return self.now_s - since_s


def test_while_messages_flow_little_is_told_ever_less_often(joined, rings, monkeypatch):
    stream = Stream(joined, rings, monkeypatch)

    pauses_s = [stream.told_after_s() for _ in range(7)]

    # A quarter of the window is told at once, which the last would be.
    assert pauses_s == pytest.approx([0.02, 0.04, 0.08, 0.16, 0.25, 0.25, 0.25], abs=0.01)


def test_after_a_pause_little_is_told_soon_again(joined, rings, monkeypatch):
    stream = Stream(joined, rings, monkeypatch)
    stream.flow_for_a_while()
    assert stream.told_after_s() == pytest.approx(0.25, abs=0.01), "it cannot know yet"

    stream.bring()
    assert stream.told_after_s() <= LITTLE_S + 0.01


def test_messages_with_pauses_between_are_told_of_soon(joined, rings, monkeypatch):
    stream = Stream(joined, rings, monkeypatch)
    stream.flows = False
    for _ in range(6):
        stream.now_s += 0.3
        stream.bring()
        assert stream.told_after_s() <= LITTLE_S + 0.01

    stream.bring()
    assert stream.told_after_s() <= 2 * LITTLE_S + 0.01


def test_what_else_is_said_does_not_put_it_off(joined, rings, monkeypatch):
    stream = Stream(joined, rings, monkeypatch)
    asks = Frame(opens=[OpenEdge(number=9, run="run", edge="none")]).SerializeToString()
    bring, brought = stream.bring, []

    def ask_now_and_then() -> None:
        bring()
        brought.append(None)
        if len(brought) % 50 == 0:
            stream.far.receive([asks])

    monkeypatch.setattr(stream, "bring", ask_now_and_then)

    assert max(stream.told_after_s() for _ in range(8)) <= 0.25 + 0.06


def test_little_is_not_told_right_behind_a_message(joined, rings, monkeypatch):
    stream = Stream(joined, rings, monkeypatch)

    for _ in range(6):
        stream.told_after_s()
        assert stream.now_s - (stream.next_s - stream.period_s) >= 0.0003


def test_messages_that_follow_closely_do_not_put_it_off_for_long(joined, rings, monkeypatch):
    monkeypatch.setattr(Stream, "period_s", 0.0001)
    stream = Stream(joined, rings, monkeypatch)

    assert stream.told_after_s() < LITTLE_S + 0.003, "before a quarter of the window is due"
    assert stream.sleeps <= 10


def test_once_the_stream_has_ended_what_is_left_is_told_soon(joined, rings, monkeypatch):
    stream = Stream(joined, rings, monkeypatch)
    stream.flow_for_a_while()

    stream.writer.end()
    stream.far.receive([next(stream.said)])

    assert stream.told_after_s() <= LITTLE_S + 0.01


def test_what_piles_up_while_a_frame_is_on_its_way_goes_together_in_the_next(joined, rings):
    _, said, far, _ = joined
    writer, reader = Writer(rings[0]), Reader(rings[1], 0)
    assert writer.try_publish(b"first", 0)
    first = next(said)
    for _ in range(4):
        assert writer.try_publish(b"more", 0)

    far.receive([first, next(said)])

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
