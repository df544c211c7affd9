"""A reader moved back to what the other side of a relay holds."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from rtmesh.shm import (
    CorruptRingError,
    Policy,
    Reader,
    ReaderLayout,
    Ring,
    RingLayout,
    Writer,
    create_ring,
    segment_name,
)


@pytest.fixture
def make() -> Iterator:
    """Make a ring of one reader, with its writer and its reader."""
    opened = []

    def build(policy: Policy, queue: int) -> tuple[Ring, Writer, Reader]:
        layout = RingLayout(16, 64, (ReaderLayout("b.in", policy, queue),))
        ring = create_ring(segment_name("m", f"{os.getpid()}x{time.monotonic_ns()}", "a.out"), layout)
        opened.extend([ring.unlink, ring.close])
        writer = Writer(ring.name)
        opened.append(writer.close)
        reader = Reader(ring.name, 0)
        opened.append(reader.close)
        return ring, writer, reader

    yield build
    for close in reversed(opened):
        close()


def publish(writer: Writer, *numbers: int) -> None:
    for number in numbers:
        assert writer.try_publish(b"%d" % number, 0)


def take(reader: Reader, count: int) -> list[int]:
    return [int(bytes(reader.try_take(0))) for _ in range(count)]


def account(ring: Ring) -> tuple[int, int, dict[str, int]]:
    reader = ring.snapshot().readers[0]
    assert reader.start + reader.delivered + sum(reader.dropped.values()) == reader.taken
    return reader.taken, reader.delivered, {name: n for name, n in reader.dropped.items() if n}


def test_what_was_taken_and_not_held_is_taken_again_and_counted_once(make):
    ring, writer, reader = make(Policy.BLOCK, 8)
    publish(writer, *range(8))
    take(reader, 6)
    reader.release(2)

    reader.resume(4, 4)

    assert account(ring) == (4, 4, {})
    assert take(reader, 4) == [4, 5, 6, 7]
    assert account(ring) == (8, 8, {})


def test_a_new_process_resumes_what_the_last_one_took(make):
    ring, writer, reader = make(Policy.BLOCK, 8)
    publish(writer, *range(8))
    take(reader, 6)
    reader.close()
    ring.mark_absent(0)

    successor = Reader(ring.name, 0, keep_unreleased=True)
    successor.resume(1, 1)

    assert take(successor, 7) == [1, 2, 3, 4, 5, 6, 7]
    assert account(ring) == (8, 8, {})
    successor.close()


def test_a_dropping_reader_decides_anew_about_what_was_lost(make):
    ring, writer, reader = make(Policy.DROP_OLDEST, 4)
    publish(writer, *range(4))
    take(reader, 4)
    reader.release(2)
    publish(writer, *range(4, 14))
    take(reader, 2)
    assert account(ring) == (12, 6, {"queue_full": 6})

    reader.resume(2, 2)

    assert reader.taken == 2
    assert account(ring) == (10, 2, {"queue_full": 8})
    assert take(reader, 4) == [10, 11, 12, 13]
    assert account(ring) == (14, 6, {"queue_full": 8})


def test_a_dropping_reader_that_was_gone_resumes_with_an_exact_account(make):
    ring, writer, reader = make(Policy.DROP_OLDEST, 4)
    publish(writer, *range(3))
    take(reader, 3)
    publish(writer, *range(3, 13))
    reader.close()
    ring.mark_gone(0)
    publish(writer, *range(13, 16))
    assert account(ring) == (16, 3, {"queue_full": 6, "reader_gone": 7})

    successor = Reader(ring.name, 0, keep_unreleased=True)
    successor.resume(1, 1)

    assert account(ring) == (16, 1, {"queue_full": 6, "reader_gone": 9})
    publish(writer, *range(16, 21))
    assert take(successor, 4) == [17, 18, 19, 20]
    assert account(ring) == (21, 5, {"queue_full": 7, "reader_gone": 9})
    successor.close()


def test_the_newest_message_of_a_latest_reader_comes_again(make):
    ring, writer, reader = make(Policy.LATEST, 1)
    publish(writer, *range(5))
    take(reader, 1)

    reader.resume(0, 0)

    assert take(reader, 1) == [4]
    assert account(ring) == (5, 1, {"superseded": 4})


def test_what_a_ring_let_go_of_is_counted_as_dropped(make):
    ring, writer, reader = make(Policy.BLOCK, 8)
    publish(writer, *range(8))
    take(reader, 5)
    reader.close()
    ring.mark_gone(0)
    publish(writer, *range(8, 12))

    successor = Reader(ring.name, 0, keep_unreleased=True)
    successor.resume(2, 2)

    assert account(ring) == (12, 2, {"reader_gone": 10})
    successor.close()


def test_what_the_other_side_lost_by_itself_is_counted_as_dropped(make):
    ring, writer, reader = make(Policy.BLOCK, 8)
    publish(writer, *range(6))
    take(reader, 5)

    reader.resume(3, 1)

    assert account(ring) == (3, 1, {"reader_gone": 2})


@pytest.mark.parametrize(("position", "delivered"), [(7, 3), (3, 7)])
def test_a_claim_that_cannot_be_is_refused_and_changes_nothing(make, position, delivered):
    ring, writer, reader = make(Policy.BLOCK, 8)
    publish(writer, *range(6))
    take(reader, 5)

    with pytest.raises(CorruptRingError, match="the other side holds"):
        reader.resume(position, delivered)

    assert account(ring) == (5, 5, {})


def test_a_writer_knows_what_is_released_by_all_who_can_hold_it(make):
    ring, writer, reader = make(Policy.BLOCK, 8)
    publish(writer, *range(6))
    take(reader, 5)
    reader.release(3)
    assert writer.released == 3

    reader.leave()

    assert writer.released == 6


def test_a_dropping_reader_holds_nothing_unreleased(make):
    ring, writer, reader = make(Policy.LATEST, 1)
    publish(writer, *range(6))

    assert writer.released == 6
