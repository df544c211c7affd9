"""Views: a slot stays what it is as long as anything looks at it."""

import gc
import threading

import pytest

from rtmesh.shm import Policy, Reader, Writer
from tests.shm.conftest import reader, ring_of


@pytest.fixture
def pair(name):
    ring_of(name, reader(Policy.DROP_OLDEST, queue=4, hold=2), slot_bytes=64, entries=4)
    return Writer(name), Reader(name, 0)


def publish(writer: Writer, count: int) -> None:
    for _ in range(count):
        assert writer.try_publish(b"%064d" % writer.head, 0)


def test_a_view_keeps_its_bytes_while_the_writer_goes_on(pair):
    writer, drop = pair
    publish(writer, 1)
    view = drop.try_take(0)
    drop.release()

    publish(writer, 1000)

    assert bytes(view) == b"%064d" % 0


def test_more_views_than_hold_are_copies_with_the_same_face(pair):
    writer, drop = pair
    publish(writer, 3)
    views = [drop.try_take(0) for _ in range(3)]
    drop.release()

    publish(writer, 1000)

    assert [view.is_copy for view in views] == [False, False, True]
    assert [bytes(view) for view in views] == [b"%064d" % i for i in range(3)]
    assert [view.position for view in views] == [0, 1, 2]


def test_a_pin_is_free_again_when_view_and_buffers_are_gone(pair):
    writer, drop = pair
    publish(writer, 2)
    buffer = memoryview(drop.try_take(0))
    other = drop.try_take(0)
    publish(writer, 1)
    assert drop.try_take(0).is_copy
    assert bytes(buffer) == b"%064d" % 0

    del buffer, other
    gc.collect()
    publish(writer, 1)

    assert not drop.try_take(0).is_copy


def test_a_view_is_read_only(pair):
    writer, drop = pair
    publish(writer, 1)

    with pytest.raises(TypeError, match="read-only"):
        memoryview(drop.try_take(0))[0] = 1


def test_a_view_outlives_its_closed_reader_which_keeps_the_seat_for_it(name, pair):
    writer, drop = pair
    publish(writer, 1)
    view = drop.try_take(0)
    drop.close()
    publish(writer, 100)
    assert bytes(view) == b"%064d" % 0

    del view, drop
    gc.collect()

    assert Reader(name, 0).taken == 1


def test_a_large_copy_is_whole(name):
    ring_of(name, reader(queue=4, hold=0), slot_bytes=1 << 20)
    writer, block = Writer(name), Reader(name, 0)
    message = bytes(range(256)) * 4096

    writer.try_publish(message, 0)

    view = block.try_take(0)
    assert view.is_copy and bytes(view) == message


def test_closing_while_another_thread_copies_a_message_is_safe(name):
    message = bytes(range(256)) * (1 << 17)
    ring_of(name, reader(queue=1, hold=0), slot_bytes=len(message), entries=1)
    writer, block = Writer(name), Reader(name, 0)
    assert writer.try_publish(message, 0)
    taken = []

    thread = threading.Thread(target=lambda: taken.append(block.try_take(0)))
    thread.start()
    while not taken:
        try:
            block.available()
        except RuntimeError:  # it is at its copy, which lets other threads run
            break
    block.close()
    thread.join()

    assert bytes(taken[0]) == message
    assert Reader(name, 0).taken == 1
