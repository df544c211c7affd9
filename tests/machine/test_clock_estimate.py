"""Mesh time from exchanges of stamps: whatever clocks and network do, the truth is within the bound."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from two_clocks import TwoClocks

from rtmesh.common.clock import RATE_UNIT, Course
from rtmesh.machine.clock_course import MOST_SLEW, slew_to, step_to
from rtmesh.machine.clock_estimate import MOST_RATE, PPM, SECOND_NS, WANDER, WINDOW, ClockFilter, Exchange

FAR_AWAY_NS = 1_700_000_000_123_456_789
MOST_DELAY_NS = 400_000_000
MINUTE_NS = 60 * SECOND_NS
# Reading the truth costs the rounding of two stamps.
READING_NS = 2

delays = st.one_of(st.integers(1_000, 2_000_000), st.integers(1_000, MOST_DELAY_NS))
exchanges = st.tuples(
    st.one_of(st.just(SECOND_NS), st.integers(1_000_000, 10 * SECOND_NS), st.integers(0, 5 * MINUTE_NS)),
    delays,
    delays,
    st.one_of(st.integers(0, 1_000_000), st.integers(0, MINUTE_NS)),  # the scheduler may be held up
    st.booleans(),  # lost: the stream was cut, or the scheduler is dead
)
drifting = st.builds(
    TwoClocks,
    offset_ns=st.sampled_from([FAR_AWAY_NS, -FAR_AWAY_NS, 0]),
    rate=st.floats(-MOST_RATE + WANDER, MOST_RATE - WANDER),
    wander=st.lists(st.floats(-WANDER / 2, WANDER / 2), min_size=1, max_size=5),
)


def is_within(world: TwoClocks, offset_at: Callable[[int], int], error_at: Callable[[int], float]) -> bool:
    """Whether the truth is within the bound now."""
    return abs(world.error_of(offset_at(world.now_ns), world.now_ns)) <= error_at(world.now_ns) + READING_NS


@settings(max_examples=300, deadline=None)
@given(drifting, st.lists(exchanges, min_size=1, max_size=80))
def test_the_truth_is_always_within_the_bound_of_the_estimate(world, story) -> None:
    clock = ClockFilter()
    for gap_ns, up_ns, down_ns, far_ns, is_lost in story:
        estimate = clock.estimate()
        for _ in range(3):
            world.wait(gap_ns // 3)
            assert estimate is None or is_within(world, estimate.offset_at, estimate.error_at)
        exchange = world.exchange(up_ns, down_ns, far_ns)
        assert estimate is None or is_within(world, estimate.offset_at, estimate.error_at)
        if not is_lost:
            clock.add(exchange)
            estimate = clock.estimate()
            assert estimate is not None and is_within(world, estimate.offset_at, estimate.error_at)
            assert estimate.error_at(world.now_ns) >= clock.smallest_round_trip_ns / 2

    assert clock.restarts == 0


@settings(max_examples=200, deadline=None)
@given(drifting, st.lists(exchanges, min_size=1, max_size=40), st.integers(-MINUTE_NS, MINUTE_NS))
def test_readers_see_a_clock_that_never_runs_backwards_and_knows_its_error(world, story, jump_ns) -> None:
    """Also when another scheduler takes over in the middle, with a clock of its own."""
    clock, course, last_ns, jumps_at = ClockFilter(), None, 0, len(story) // 2
    for number, (gap_ns, up_ns, down_ns, far_ns, is_lost) in enumerate(story):
        has_jumped = jump_ns != 0 and number >= jumps_at
        if number == jumps_at:
            world.offset_ns += jump_ns
        for _ in range(3):
            world.wait(gap_ns // 3)
            if course is not None:
                assert has_jumped or is_within(world, course.offset_at, course.error_at)
                last_ns = read(course, world, last_ns)
        exchange = world.exchange(up_ns, down_ns, far_ns)
        if not is_lost:
            clock.add(exchange)
            estimate, now_ns = clock.estimate(), world.now_ns
            assert estimate is not None
            course = slew_to(estimate, course, now_ns) if course else step_to(estimate, now_ns)
            last_ns = read(course, world, last_ns)
            knee_ns = max(course.knee_ns, now_ns)
            rounding_ns = READING_NS + (knee_ns - now_ns) / RATE_UNIT
            assert abs(course.offset_at(knee_ns) - estimate.offset_at(knee_ns)) <= rounding_ns


def read(course: Course, world: TwoClocks, last_ns: int) -> int:
    """Mesh time now, and that it is not before what it was."""
    now_ns = world.now_ns + course.offset_at(world.now_ns)
    assert now_ns >= last_ns or last_ns == 0
    return now_ns


def test_the_error_shrinks_to_half_the_smallest_round_trip_and_little_more() -> None:
    world, clock = TwoClocks(FAR_AWAY_NS, 80 * PPM), ClockFilter()

    for number in range(120):
        clock.add(world.exchange(*((90_000, 110_000) if number % 10 == 0 else (700_000, 300_000))))
        world.wait(SECOND_NS)

    estimate = clock.estimate()
    assert estimate is not None
    assert 100_000 <= estimate.error_at(world.now_ns) <= 100_000 + 10 * (8 * PPM) * SECOND_NS + 10_000
    assert abs(world.error_of(estimate.offset_at(world.now_ns), world.now_ns)) < 30_000
    assert estimate.rate == pytest.approx(80 * PPM, abs=2 * PPM)
    assert estimate.rate_error < 10 * PPM


@pytest.mark.parametrize(("up_ns", "down_ns"), [(10_000_000, 100_000), (100_000, 10_000_000)])
def test_an_asymmetric_delay_widens_the_bound_rather_than_lying(up_ns: int, down_ns: int) -> None:
    world, clock = TwoClocks(FAR_AWAY_NS), ClockFilter()

    for _ in range(WINDOW):
        clock.add(world.exchange(up_ns, down_ns))
        world.wait(SECOND_NS)

    estimate = clock.estimate()
    assert estimate is not None
    # The middle is off by all of the asymmetry, however often it is measured: no mean would help.
    assert abs(world.error_of(estimate.offset_at(world.now_ns), world.now_ns)) > 4_900_000
    assert estimate.error_at(world.now_ns) >= (up_ns + down_ns) / 2
    assert is_within(world, estimate.offset_at, estimate.error_at)


def test_the_bound_grows_while_nobody_answers() -> None:
    world, clock = TwoClocks(0, 50 * PPM), ClockFilter()
    for _ in range(30):
        clock.add(world.exchange(100_000, 100_000))
        world.wait(SECOND_NS)
    estimate = clock.estimate()
    assert estimate is not None
    at_first = estimate.error_at(world.now_ns)

    world.wait(10 * MINUTE_NS)

    assert estimate.error_at(world.now_ns) >= at_first + 10 * MINUTE_NS * WANDER
    assert is_within(world, estimate.offset_at, estimate.error_at)


def test_clocks_that_do_more_than_drift_are_measured_anew() -> None:
    world, clock = TwoClocks(FAR_AWAY_NS), ClockFilter()
    for _ in range(20):
        clock.add(world.exchange(100_000, 100_000))
        world.wait(SECOND_NS)

    world.offset_ns += 3 * SECOND_NS
    clock.add(world.exchange(100_000, 100_000))

    estimate = clock.estimate()
    assert estimate is not None and clock.restarts == 1
    assert estimate.rate_error == MOST_RATE and is_within(world, estimate.offset_at, estimate.error_at)


@pytest.mark.parametrize(
    "impossible", [Exchange(10, 5, 5, 9), Exchange(10, 9, 5, 20), Exchange(10, 0, 50, 20)]
)
def test_stamps_that_no_clock_can_have_shown_are_left_out(impossible: Exchange) -> None:
    clock = ClockFilter()
    clock.add(impossible)

    assert clock.estimate() is None and clock.exchanges == 0


def test_what_is_wrong_is_put_right_slowly_and_counts_as_error_until_then() -> None:
    world, clock = TwoClocks(0), ClockFilter()
    clock.add(world.exchange(100_000, 100_000))
    estimate, now_ns = clock.estimate(), world.now_ns
    assert estimate is not None

    course = slew_to(estimate, Course(now_ns, 1_000_000), now_ns)

    assert course.offset_at(now_ns) == 1_000_000 and course.error_at(now_ns) >= 1_000_000
    assert course.knee_ns - now_ns == pytest.approx(1_000_000 / MOST_SLEW, rel=0.01)
    assert abs(course.offset_at(course.knee_ns)) < 10 and course.error_at(course.knee_ns) < 1_300_000
