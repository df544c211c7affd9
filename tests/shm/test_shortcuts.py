"""What spares a loop calls: times of the ring's own, take and release in one, bytes of a view."""

import time

import pytest

from rtmesh.shm import Reader, Writer, wait
from tests.shm.conftest import PATIENCE_NS, reader, ring_of


def test_without_a_time_it_is_now(name):
    ring_of(name, reader())
    writer, block = Writer(name), Reader(name, 0)

    before = time.monotonic_ns()
    writer.try_publish(b"a")
    writer.try_publish(b"b", None)
    writer.try_claim(1)[:] = b"c"
    writer.commit()
    times = [block.try_take().publish_time_ns for _ in range(3)]

    assert before <= times[0] <= times[1] <= times[2] <= time.monotonic_ns()
    assert block.snapshot().latency.count == 3


def test_try_next_releases_what_came_before(name):
    ring_of(name, reader(queue=2))
    writer, block = Writer(name), Reader(name, 0)
    writer.try_publish(b"a", 0)
    writer.try_publish(b"b", 0)
    assert not writer.try_publish(b"c", 0)

    assert bytes(block.try_next(0)) == b"a"
    assert not writer.try_publish(b"c", 0)
    assert bytes(block.try_next()) == b"b"
    assert block.released == 1
    assert writer.try_publish(b"c", 0)
    assert bytes(block.try_next(None)) == b"c"
    assert block.try_next() is None
    assert (block.taken, block.released) == (3, 3)


def test_a_view_gives_single_bytes(name):
    ring_of(name, reader())
    writer, block = Writer(name), Reader(name, 0)
    writer.try_publish(bytes([7, 8, 255]), 0)

    view = block.try_take()

    assert (view[0], view[-1], list(view)) == (7, 255, [7, 8, 255])
    for beyond in (3, -4):
        with pytest.raises(IndexError, match="no such byte"):
            view[beyond]


@pytest.mark.parametrize("call", ["try_take", "try_next"])
def test_a_take_refuses_what_is_no_time(name, call):
    ring_of(name, reader())
    take = getattr(Reader(name, 0), call)

    with pytest.raises(TypeError):
        take("now")
    with pytest.raises(TypeError, match="at most the time"):
        take(1, 2)


def test_room_for_one_message_ends_a_wait_though_half_of_the_queue_was_asked_for(name):
    ring_of(name, reader(queue=4))
    writer, block = Writer(name), Reader(name, 0)
    while writer.try_publish(b"x", 0):
        pass

    assert not wait(writers=[writer], timeout_ns=0)
    block.try_take()
    block.release()

    assert wait(writers=[writer], timeout_ns=0)
    assert wait(writers=[writer], timeout_ns=PATIENCE_NS)
    assert writer.try_publish(b"y", 0)
