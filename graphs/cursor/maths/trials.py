"""The centre-out task: moves the cursor, shows targets, judges trials. Pure: it is told the time.

BETWEEN_TRIALS --wait is over--> START_TRIAL --next message--> MOVEMENT --held, or timeout--> BETWEEN_TRIALS
   target off                    target shown                  go cue: target on

Eight outer targets, each once in a random order before any comes again, alternate with the centre. After
a failure the cursor is put back into the centre, so that an outer target is next.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np

TARGETS = 8
BOUND_X, BOUND_Y = 960.0, 540.0
CENTRE = (0.0, 0.0)

Point = tuple[float, float]


class State(Enum):
    """Where the task stands."""

    BETWEEN_TRIALS = "between trials"
    START_TRIAL = "start trial"
    MOVEMENT = "movement"


class Look(Enum):
    """How the target is shown; the numbers are those of cursor.v1.TargetState."""

    OFF = 1
    SHOWN = 2
    ON = 3
    OVER = 4


@dataclass(frozen=True)
class Rules:
    """Lengths in pixels, times in seconds."""

    distance: float = 400.0
    diameter: float = 80.0
    cursor_radius: float = 25.0
    hold_s: float = 1.0
    timeout_s: float = 10.0
    failure_wait_s: float = 1.0
    initial_wait_s: float = 5.0


@dataclass(frozen=True)
class Outcome:
    """One trial that has ended.

    `time_to_target_s` is from the go cue to the start of the hold that succeeded.
    """

    number: int
    success: bool
    target: Point
    start: Point
    dwell_s: float
    time_to_target_s: float
    start_time_ns: int
    go_cue_time_ns: int
    end_time_ns: int

    @property
    def reach_angle_deg(self) -> float:
        """From the start to the target: -180 to 180, anticlockwise from the right."""
        return math.degrees(math.atan2(self.target[1] - self.start[1], self.target[0] - self.start[0]))


class CentreOut:
    """The task. move() for each message; `cursor`, `target` and `look` say what is to be shown.

    Args:
        rules: may be replaced at any time; the next trial goes by them.
        seed: of the order of the outer targets.
    """

    def __init__(self, rules: Rules, seed: int) -> None:
        self.rules = rules
        self.state = State.BETWEEN_TRIALS
        self.look = Look.OFF
        self.cursor: Point = CENTRE
        self.target: Point = CENTRE
        self.trials = 0
        self._random = np.random.default_rng(seed)
        self._directions: list[int] = []
        self._trial_rules = rules
        self._start: Point = CENTRE
        self._start_time_ns = self._go_cue_time_ns = 0
        self._outside_time_ns = 0  # when the cursor was last seen outside the target
        self._ready_time_ns: int | None = None  # the first message begins the first wait

    def move(self, vx: float, vy: float, now_ns: int) -> Outcome | None:
        """Move the cursor by one message's velocity and go on with the trial; its outcome if that ends it."""
        self.cursor = (_clipped(self.cursor[0] + vx, BOUND_X), _clipped(self.cursor[1] + vy, BOUND_Y))
        if self.state is State.BETWEEN_TRIALS:
            self._wait(now_ns)
        elif self.state is State.START_TRIAL:
            self._give_go_cue(now_ns)
        else:
            return self._judge(now_ns)
        return None

    @property
    def is_over_target(self) -> bool:
        """The cursor touches the target."""
        rules = self._trial_rules
        return math.dist(self.cursor, self.target) < rules.diameter / 2 + rules.cursor_radius

    def _wait(self, now_ns: int) -> None:
        if self._ready_time_ns is None:
            self._ready_time_ns = now_ns + _ns(self.rules.initial_wait_s)
        if now_ns < self._ready_time_ns:
            return
        self._trial_rules = self.rules
        self._start, self.target = self.target, self._next_target()
        self._start_time_ns = now_ns
        self.trials += 1
        self.state, self.look = State.START_TRIAL, Look.SHOWN

    def _next_target(self) -> Point:
        if self.target != CENTRE:
            return CENTRE
        if not self._directions:
            self._directions = [int(number) for number in self._random.permutation(TARGETS)]
        angle = 2 * math.pi * self._directions.pop() / TARGETS
        distance = self._trial_rules.distance
        return (distance * math.cos(angle), distance * math.sin(angle))

    def _give_go_cue(self, now_ns: int) -> None:
        self.state, self.look = State.MOVEMENT, Look.ON
        self._go_cue_time_ns = self._outside_time_ns = now_ns

    def _judge(self, now_ns: int) -> Outcome | None:
        is_over = self.is_over_target
        self.look = Look.OVER if is_over else Look.ON
        if not is_over:
            self._outside_time_ns = now_ns
        if now_ns - self._go_cue_time_ns > _ns(self._trial_rules.timeout_s):
            return self._end(now_ns, success=False)
        if is_over and now_ns - self._outside_time_ns > _ns(self._trial_rules.hold_s):
            return self._end(now_ns, success=True)
        return None

    def _end(self, now_ns: int, *, success: bool) -> Outcome:
        to_target_ns = self._outside_time_ns - self._go_cue_time_ns
        outcome = Outcome(
            number=self.trials,
            success=success,
            target=self.target,
            start=self._start,
            dwell_s=(now_ns - self._outside_time_ns) / 1e9,
            time_to_target_s=to_target_ns / 1e9 if success else 0.0,
            start_time_ns=self._start_time_ns,
            go_cue_time_ns=self._go_cue_time_ns,
            end_time_ns=now_ns,
        )
        self.state, self.look = State.BETWEEN_TRIALS, Look.OFF
        wait_s = 0.0 if success else self._trial_rules.failure_wait_s
        self._ready_time_ns = now_ns + _ns(wait_s)
        if not success:
            self.cursor = self.target = CENTRE
        return outcome


def _clipped(value: float, bound: float) -> float:
    return min(max(value, -bound), bound)


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
