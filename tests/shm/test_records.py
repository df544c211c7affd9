"""Many messages as one run of bytes, and back; waiting for what is released, and for a bell."""

import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmesh.shm import (
    Doorbell,
    Policy,
    Reader,
    ReaderLayout,
    RingLayout,
    Writer,
    create_ring,
    publish_records,
    take_records,
    wait,
)

PATIENCE_NS = 10_000_000_000


def make(label, policy=Policy.BLOCK, queue=16):
    name = f"rtmesh.{os.getuid()}.test-records.{os.getpid()}-{label}"
    ring = create_ring(name, RingLayout(16, 4096, (ReaderLayout("r", policy, queue),)))
    return ring, Writer(name), Reader(name, 0)


@pytest.fixture
def far():
    ring, writer, reader = make("far")
    yield writer, reader
    ring.unlink()


@pytest.fixture
def near():
    ring, writer, reader = make("near")
    yield writer, reader
    ring.unlink()


def take_all(reader):
    taken = []
    while (view := reader.try_take(0)) is not None:
        taken.append((bytes(view), view.publish_time_ns, view.source_position))
    return taken


def test_messages_cross_unchanged_with_their_far_positions(far, near):
    for index in range(5):
        assert far[0].try_publish(b"x" * index, 100 + index)
    records, count = take_records(far[1], 0, 100, 1 << 16)

    assert publish_records(near[0], records, 0, 16, True) == (count, 5) == (5, 5)

    assert take_all(near[1]) == [(b"x" * index, 100 + index, index + 1) for index in range(5)]
    assert near[0].source_position == 5


def test_nothing_taken_leaves_nothing_pinned(far):
    for round_ in range(40):  # more often than the ring has slots
        assert far[0].try_publish(b"%d" % round_, 0)
        assert take_records(far[1], 0, 100, 1 << 16)[1] == 1
        far[1].release()


@pytest.mark.parametrize("most_bytes", [-1, 2**63, 2**64 - 1])
def test_more_bytes_than_there_can_be_are_refused(far, most_bytes):
    assert far[0].try_publish(bytes(4096))

    with pytest.raises(OverflowError, match="so many bytes"):
        take_records(far[1], 0, 100, most_bytes)

    assert far[1].taken == 0


@pytest.mark.parametrize(
    ("expected", "credit", "contiguous", "says"),
    [
        (1, 16, True, "message 0 came when 1 was the next"),
        (1, 16, False, "message 0 came when 1 was the next"),
        (0, 2, True, "message 2 came without credit"),
    ],
)
def test_records_against_the_rules_are_refused(far, near, expected, credit, contiguous, says):
    for _ in range(3):
        assert far[0].try_publish(b"x", 0)
    records, _ = take_records(far[1], 0, 100, 1 << 16)

    with pytest.raises(ValueError, match=says):
        publish_records(near[0], records, expected, credit, contiguous)


def test_a_hole_is_refused_only_where_none_may_be(far, near):
    for _ in range(2):
        assert far[0].try_publish(b"x", 0)
    take_records(far[1], 0, 1, 1 << 16)
    records, _ = take_records(far[1], 0, 1, 1 << 16)

    with pytest.raises(ValueError, match="message 1 came when 0 was the next"):
        publish_records(near[0], records, 0, 16, True)
    assert publish_records(near[0], records, 0, 16, False) == (1, 2)


def test_records_that_find_the_ring_full_are_refused(far):
    ring, writer, _ = make("small", queue=2)
    for _ in range(3):
        assert far[0].try_publish(b"x", 0)
    records, _ = take_records(far[1], 0, 100, 1 << 16)

    with pytest.raises(ValueError, match="the ring is full at message 2"):
        publish_records(writer, records, 0, 16, True)
    ring.unlink()


@given(data=st.binary(max_size=120))
def test_any_bytes_are_records_or_refused(data):
    ring, writer, _ = make("any", Policy.DROP_OLDEST)
    try:
        publish_records(writer, data, 0, 100, False)
    except ValueError as error:
        assert "is no record" in str(error) or "came when" in str(error)
    finally:
        ring.unlink()


@given(cut=st.integers(1, 60), at=st.integers(0, 59), byte=st.integers(0, 255))
def test_damaged_records_are_refused_or_whole(cut, at, byte):
    far_ring, far_writer, far_reader = make("damaged-far")
    ring, writer, _ = make("damaged", Policy.DROP_OLDEST)
    try:
        for _ in range(2):
            far_writer.try_publish(b"abc", 7)
        records = bytearray(take_records(far_reader, 0, 10, 1 << 16)[0])
        records[at % len(records)] = byte
        publish_records(writer, bytes(records[:cut]), 0, 100, False)
    except ValueError:
        pass
    finally:
        far_ring.unlink()
        ring.unlink()


def test_a_wait_ends_once_so_much_is_released(near):
    writer, reader = near
    for _ in range(4):
        assert writer.try_publish(b"x", 0)
    take_all(reader)
    reader.release(2)
    assert not wait(released=[(writer, 3)], timeout_ns=1_000_000)

    releasing = threading.Timer(0.01, reader.release, [3])
    releasing.start()

    assert wait(released=[(writer, 3)], timeout_ns=PATIENCE_NS)
    releasing.join()


def test_a_bell_ends_a_wait_once():
    bell = Doorbell()
    assert not wait(doorbell=bell, timeout_ns=1_000_000)
    ringing = threading.Timer(0.01, bell.ring)
    ringing.start()

    assert wait(doorbell=bell, timeout_ns=PATIENCE_NS)
    bell.hear()
    assert not wait(doorbell=bell, timeout_ns=1_000_000)
    ringing.join()


def test_a_bell_that_was_rung_before_is_heard(near):
    bell = Doorbell()
    bell.ring()

    assert wait([near[1]], doorbell=bell, timeout_ns=PATIENCE_NS)


def test_waiting_for_what_is_no_ring_is_refused():
    with pytest.raises(TypeError, match="takes readers and writers, and a doorbell"):
        wait([object()])
