"""What a Sender publishes: the header before the rest, and nothing that may not be sent."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from rtmesh.node._wire import HEADER_SIZE, Sender, Trail
from rtmesh.node.memory import MemoryOutput
from rtmesh.node.wire import HeaderValues, written_header

NOW_NS = 2**62 + 5
OWN, OTHER = 2**64 - 2, 77
READY = ((b"ab", memoryview(b"cd")), HEADER_SIZE + 4, 64)


class Ring(MemoryOutput):
    """Keeps what it was asked to publish."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[Any, ...]] = []

    def try_publish_parts(self, *arguments: Any) -> bool:
        self.asked.append(arguments[1:])
        return super().try_publish_parts(*arguments)


def header(ring: Ring) -> HeaderValues:
    values = written_header(ring.messages[-1])
    assert values is not None
    return values


def sender(ring: Any, trail: Trail, origin: int = OWN) -> Sender:
    return Sender(ring, trail, lambda: NOW_NS, origin, 100)


def test_a_message_is_published_with_its_header_time_and_origin() -> None:
    ring, trail = Ring(), Trail([OWN])
    trail.begin(HeaderValues(4, 2, 1, OTHER, 3, 5, -9))

    assert sender(ring, trail).publish(READY) is True

    assert ring.messages[0][HEADER_SIZE:] == b"abcd"
    assert header(ring) == HeaderValues(1, 1, NOW_NS, OTHER, 3, 5, -9)
    assert ring.asked == [(NOW_NS, 64, OTHER, -9)]


def test_a_full_ring_leaves_everything_as_it_was() -> None:
    ring, trail, beside = Ring(), Trail([OWN, OWN - 1]), Ring()
    ring.is_full = True
    trail.begin(None)

    assert sender(ring, trail).publish(READY) is False
    assert sender(beside, trail, OWN - 1).publish(READY) is True

    assert header(beside).origin == OWN - 1, "what was not sent began no origin"


def test_what_is_too_long_or_refused_is_not_published() -> None:
    ring, trail = Ring(), Trail([OWN])
    for length in (101, 2**40):
        assert sender(ring, trail).publish(((), length, 0)) is None
    assert sender(ring, trail).publish(((), 100, 0)) is True
    trail.refusal = "not now"
    assert sender(ring, trail).publish(READY) is None
    trail.refusal = ""
    assert sender(ring, trail).publish(READY) is True
    assert len(ring.asked) == 2


def test_a_step_triggered_by_its_own_origin_or_by_none_begins_one() -> None:
    ring = Ring()
    for triggering in (None, HeaderValues(4, 2, 1, OWN, 3, 5, 9), HeaderValues(4, 2, 1, 0, 3, 5, 9)):
        trail = Trail([OWN])
        trail.begin(triggering)
        assert trail.header is None
        sender(ring, trail).publish(READY)
        assert header(ring)[3:] == (OWN, 1, ring.sequence - 1, NOW_NS)


def test_what_the_ring_raises_is_raised_and_nothing_is_kept() -> None:
    class Broken(Ring):
        def try_publish_parts(self, *arguments: Any) -> bool:
            raise OSError("the ring is broken")

    part = bytearray(b"x" * 20)
    ready = ((part,), HEADER_SIZE + 20, 0)
    for ring in (Broken(), Ring()):
        one = sender(ring, Trail([OWN]))
        before = sys.getrefcount(part), sys.getrefcount(ready)
        for _ in range(50):
            if isinstance(ring, Broken):
                with pytest.raises(OSError, match="is broken"):
                    one.publish(ready)
            else:
                one.publish(ready)
                ring.messages.clear()
                ring.asked.clear()
        assert (sys.getrefcount(part), sys.getrefcount(ready)) == before


def test_what_is_no_ready_message_is_a_type_error() -> None:
    one = sender(Ring(), Trail([OWN]))
    for wrong in ((), ([b"x"], 3, 0), (("x",), 3, 0)):
        with pytest.raises(TypeError):
            one.publish(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Sender(Ring(), object(), lambda: 1, 1, 1)  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        Sender(object(), Trail([]), lambda: 1, 1, 1)


def test_a_time_that_is_no_number_of_nanoseconds_is_an_error_and_nothing_is_sent() -> None:
    for wrong in (2**70, "now"):
        ring = Ring()
        with pytest.raises((OverflowError, TypeError)):
            Sender(ring, Trail([OWN]), lambda wrong=wrong: wrong, OWN, 100).publish(READY)
        assert ring.asked == []
