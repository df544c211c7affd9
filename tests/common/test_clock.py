"""The clock page: mesh time for all processes of a machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from rtmesh.common.clock import RATE_UNIT, ClockPage, Course, clock_id
from rtmesh.shm import SegmentNotFoundError, segment_name

NAME = segment_name("here", "test", "@clock")


@pytest.fixture
def page() -> Iterator[ClockPage]:
    page = ClockPage.create(NAME, offset_ns=5_000_000_000_000)
    yield page
    page.close()
    page.unlink()


def test_mesh_time_is_the_monotonic_clock_and_an_offset(page: ClockPage) -> None:
    before_ns = time.monotonic_ns()
    now_ns = page.now_ns()

    assert before_ns <= now_ns - 5_000_000_000_000 <= time.monotonic_ns()


def test_a_reader_sees_what_is_published(page: ClockPage) -> None:
    reader = ClockPage.open(NAME)
    page.set(0, error_ns=1500)

    assert reader.error_ns == 1500
    assert reader.now_ns() <= time.monotonic_ns()
    reader.close()


def test_a_page_that_does_not_exist_is_named() -> None:
    with pytest.raises(SegmentNotFoundError, match="nowhere"):
        ClockPage.open(segment_name("nowhere", "test", "@clock"))


class Hands:
    """A clock that shows what a test sets; `before` is called once, when it is read next."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.before: Callable[[], object] | None = None

    def __call__(self) -> int:
        now_ns, before, self.before = self.now_ns, self.before, None
        if before is not None:
            before()
        return now_ns


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def reader(page: ClockPage, hands: Hands) -> Iterator[ClockPage]:
    reader = ClockPage.open(NAME, hands)
    yield reader
    reader.close()


def test_a_course_is_followed_to_its_knee_and_beyond(
    page: ClockPage, reader: ClockPage, hands: Hands
) -> None:
    page.publish(
        Course(100, 5000, RATE_UNIT // 2, 200, RATE_UNIT // 4, 10, RATE_UNIT // 10, 50), is_step=True
    )

    told = []
    for hands.now_ns in (100, 150, 200, 600):
        told.append((reader.now_ns() - hands.now_ns, reader.error_ns))

    assert told == [(5000, 60), (5025, 65 - 1), (5050, 20 - 1), (5150, 60 - 1)]


def test_a_course_that_is_published_while_the_time_is_taken_is_followed_from_its_beginning(
    page: ClockPage, reader: ClockPage, hands: Hands
) -> None:
    """The old one must not be used for a moment at which it may not hold any more."""
    page.publish(Course(0, 1000), is_step=True)
    reader.now_ns()

    def later() -> None:
        hands.now_ns = 50
        page.publish(Course(50, 1007, RATE_UNIT // 2, 1 << 40))

    hands.before = later

    assert reader.now_ns() == 1057


def test_a_reader_never_goes_back_even_if_it_was_stopped_between_two_loads(
    page: ClockPage, reader: ClockPage, hands: Hands
) -> None:
    page.publish(Course(0, 1000, RATE_UNIT // 2, 1 << 40), is_step=True)
    hands.now_ns = 400
    assert reader.now_ns() == 1600

    page.publish(Course(0, 1000, -RATE_UNIT // 2, 1 << 40))

    assert reader.now_ns() == 1600
    hands.now_ns = 1400
    assert reader.now_ns() == 1700


def test_time_that_begins_anew_may_be_before_what_it_was(page: ClockPage, reader: ClockPage) -> None:
    page.set(5000)
    assert reader.now_ns() == 5000

    page.set(0)

    assert reader.now_ns() == 0


def test_a_slot_that_is_torn_is_not_taken(page: ClockPage, reader: ClockPage) -> None:
    """As on a processor that shows the new sequence before all of the new slot."""
    page.publish(Course(0, 1000, knee_ns=0), is_step=True)
    assert reader.now_ns() == 1000
    words = page._buffer.cast("q")
    sequence = words[8] + 1
    slot = words[16 + 16 * (sequence % 2) :]
    # Offset and sequence are of the new course, the check of an old one.
    slot[0], slot[3], words[8] = sequence, 77, sequence
    told: list[int] = []
    reading = threading.Thread(target=lambda: told.append(reader.now_ns()), daemon=True)
    reading.start()
    reading.join(0.05)
    assert told == []

    words[8] = sequence - 1
    page.publish(Course(0, 1001, knee_ns=0))
    reading.join(10)

    assert told == [1001]
    slot.release()
    words.release()


def test_a_clock_has_one_id_on_one_kernel() -> None:
    assert clock_id() == clock_id() != ""
