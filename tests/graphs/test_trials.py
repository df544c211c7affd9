"""The centre-out task, told the time."""

from __future__ import annotations

import math

import pytest
from maths.trials import CENTRE, CentreOut, Look, Outcome, Rules, State

BIN_NS = 10_000_000


class Run:
    """A task that gets a message every 10 ms."""

    def __init__(self, **rules: float) -> None:
        self.task = CentreOut(Rules(**rules), seed=42)
        self.now_ns = 0

    def move(self, vx: float = 0.0, vy: float = 0.0) -> Outcome | None:
        outcome = self.task.move(vx, vy, self.now_ns)
        self.now_ns += BIN_NS
        return outcome

    def until(self, state: State) -> None:
        while self.task.state is not state:
            self.move()

    def jump_to_target(self) -> Outcome | None:
        (x, y), (target_x, target_y) = self.task.cursor, self.task.target
        return self.move(target_x - x, target_y - y)

    def hold(self) -> Outcome:
        """Stay until the trial ends."""
        while (outcome := self.move()) is None:
            pass
        return outcome


@pytest.fixture
def run() -> Run:
    run = Run()
    run.until(State.MOVEMENT)
    return run


def test_the_first_trial_begins_after_the_initial_wait() -> None:
    run = Run(initial_wait_s=5.0)

    run.until(State.START_TRIAL)

    assert run.now_ns == 5_000_000_000 + BIN_NS
    assert run.task.look is Look.SHOWN and run.task.trials == 1
    assert math.dist(CENTRE, run.task.target) == pytest.approx(400)


def test_the_go_cue_comes_with_the_next_message() -> None:
    run = Run()
    run.until(State.START_TRIAL)

    run.move()

    assert run.task.state is State.MOVEMENT and run.task.look is Look.ON


def test_the_cursor_moves_by_each_velocity_and_stops_at_the_bounds(run: Run) -> None:
    run.move(3, -4)
    assert run.task.cursor == (3, -4)

    run.move(5000, -5000)
    assert run.task.cursor == (960, -540)


def test_a_hold_of_one_second_is_a_success(run: Run) -> None:
    went_ns = run.now_ns - BIN_NS
    for _ in range(49):
        run.move()
    assert run.jump_to_target() is None and run.task.look is Look.OVER

    outcome = run.hold()

    assert outcome.success and outcome.number == 1
    assert outcome.dwell_s == pytest.approx(1.01)
    assert outcome.time_to_target_s == pytest.approx(0.49)
    assert outcome.go_cue_time_ns == went_ns == outcome.start_time_ns + BIN_NS
    assert outcome.end_time_ns == run.now_ns - BIN_NS
    assert run.task.look is Look.OFF


def test_leaving_the_target_begins_the_hold_anew(run: Run) -> None:
    run.jump_to_target()
    for _ in range(90):
        assert run.move() is None
    run.move(-2 * run.task.target[0], -2 * run.task.target[1])
    run.jump_to_target()

    outcome = run.hold()

    assert outcome.success and outcome.time_to_target_s > 0.9


def test_the_cursor_is_over_the_target_when_they_touch(run: Run) -> None:
    run.jump_to_target()
    run.move(64.9, 0)
    assert run.task.is_over_target

    run.move(0.2, 0)
    assert not run.task.is_over_target


def test_a_trial_times_out_after_ten_seconds_and_the_cursor_goes_back(run: Run) -> None:
    run.move(50, 50)

    outcome = run.hold()

    assert not outcome.success and outcome.time_to_target_s == 0
    assert outcome.end_time_ns - outcome.go_cue_time_ns == 10_000_000_000 + BIN_NS
    assert run.task.cursor == run.task.target == CENTRE
    failed_ns = outcome.end_time_ns
    run.until(State.START_TRIAL)
    assert run.now_ns - BIN_NS == failed_ns + 1_000_000_000
    assert run.task.target != CENTRE


def test_the_centre_alternates_with_all_eight_outer_targets() -> None:
    run = Run(initial_wait_s=0.0, hold_s=0.0)
    outcomes = []
    while len(outcomes) < 32:
        outcome = run.jump_to_target()
        if outcome:
            outcomes.append(outcome)

    assert all(outcome.success for outcome in outcomes)
    assert all(outcome.target == CENTRE for outcome in outcomes[1::2])
    angles = [round(outcome.reach_angle_deg) % 360 for outcome in outcomes[::2]]
    assert sorted(angles[:8]) == sorted(angles[8:]) == [0, 45, 90, 135, 180, 225, 270, 315]


def test_new_rules_take_effect_with_the_next_trial(run: Run) -> None:
    run.task.rules = Rules(hold_s=0.2, timeout_s=2.0)
    run.jump_to_target()

    assert run.hold().dwell_s == pytest.approx(1.01)
    run.until(State.MOVEMENT)
    run.jump_to_target()
    assert run.hold().dwell_s == pytest.approx(0.21)
