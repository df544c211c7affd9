"""The clock page: mesh time for all processes of a machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmesh.common.clock import RATE_UNIT, ClockPage, Course, clock_id
from rtmesh.shm import CourseClock, SegmentNotFoundError, segment_name

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


rates = st.integers(-RATE_UNIT, RATE_UNIT)
times = st.integers(0, 2**60)


@given(times, st.integers(-(2**60), 2**60), rates, times, rates, st.lists(times, min_size=1, max_size=5))
def test_the_time_is_read_in_c_as_a_course_says_it(
    start_ns: int, offset_ns: int, slew: int, knee_ns: int, rate: int, moments: list[int]
) -> None:
    hands = Hands()
    page = ClockPage("here", memoryview(bytearray(4096)), hands)
    course = Course(start_ns, offset_ns, slew, knee_ns, rate)
    page.publish(course, is_step=True)

    last_ns = 0
    for hands.now_ns in moments:
        last_ns = max(last_ns, hands.now_ns + course.offset_at(hands.now_ns))
        assert page.now_ns() == last_ns


def test_a_page_that_was_closed_tells_no_time(page: ClockPage) -> None:
    reader = ClockPage.open(NAME)
    reader.close()

    with pytest.raises(ValueError, match="closed"):
        reader.now_ns()


def test_a_clock_has_one_page_that_holds_its_sequence() -> None:
    page = memoryview(bytearray(64))
    clock = CourseClock(page, 56)
    with pytest.raises(TypeError):
        clock.__init__(page, 0)  # type: ignore[misc]
    for at in (57, 64, -8):
        with pytest.raises(ValueError, match="outside"):
            CourseClock(page, at)


def test_what_fails_while_the_time_is_read_is_raised(page: ClockPage, hands: Hands) -> None:
    reader = ClockPage.open(NAME, hands)

    def fail() -> None:
        raise KeyError("no clock")

    hands.before = fail
    with pytest.raises(KeyError, match="no clock"):
        reader.now_ns()
    hands.before = reader.close
    with pytest.raises(ValueError, match="closed"):
        reader.now_ns()


def test_a_clock_has_one_id_on_one_kernel() -> None:
    assert clock_id() == clock_id() != ""
