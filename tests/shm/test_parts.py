"""A message published from several buffers at once."""

import numpy as np
import pytest

from rtmesh.shm import MessageTooLargeError, Reader, Writer
from tests.shm.conftest import reader, ring_of


def test_parts_are_one_message_aligned_where_asked(name):
    ring_of(name, reader(queue=4))
    writer, block = Writer(name), Reader(name, 0)
    array = np.arange(6, dtype=np.int16).reshape(2, 3)

    assert writer.try_publish_parts((b"head", array, bytearray(b"tail")), 7, 4, 0, 0)

    view = block.try_take(0)
    assert bytes(view) == b"head" + array.tobytes() + b"tail"
    assert view.publish_time_ns == 7
    assert np.frombuffer(view, np.uint8).ctypes.data % 64 == 60


def test_more_parts_than_usual_and_none_at_all(name):
    ring_of(name, reader(queue=4))
    writer, block = Writer(name), Reader(name, 0)

    assert writer.try_publish_parts(tuple([bytes([number]) for number in range(40)]), 1, 0, 0, 0)
    assert writer.try_publish_parts((), 1, 0, 0, 0)

    assert bytes(block.try_take(0)) == bytes(range(40))
    assert bytes(block.try_take(0)) == b""


def test_a_full_ring_refuses_parts_and_changes_nothing(name):
    ring = ring_of(name, reader(queue=1))
    writer, block = Writer(name), Reader(name, 0)
    assert writer.try_publish_parts((b"a",), 1, 0, 0, 0)

    assert not writer.try_publish_parts((b"b",), 2, 0, 0, 0)

    assert (ring.snapshot().head, bytes(block.try_take(0))) == (1, b"a")


def test_what_cannot_be_published_is_refused_and_leaves_the_writer_usable(name):
    ring_of(name, reader(queue=4))
    writer, block = Writer(name), Reader(name, 0)

    for parts, error in [
        ((b"a", "text"), TypeError),
        ((np.zeros((4, 4))[:, 0],), (ValueError, BufferError)),
        ((bytes(1 << 20),), MessageTooLargeError),
        ([b"a"], (TypeError, SystemError)),
    ]:
        with pytest.raises(error):
            writer.try_publish_parts(parts, 1, 0, 0, 0)
    with pytest.raises(TypeError):
        writer.try_publish_parts((b"a",), 1)

    assert writer.try_publish_parts((b"a",), 1, 0, 0, 0)
    assert bytes(block.try_take(0)) == b"a"
