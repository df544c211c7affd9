"""Task: moves the cursor by the decoded velocity and judges trials."""

from __future__ import annotations

from typing import Any

from maths.trials import CentreOut, Outcome, Rules

from rtmesh import Node, on

RULES = ("distance", "diameter", "cursor_radius", "hold_s", "timeout_s", "failure_wait_s", "initial_wait_s")


def rules_of(parameters: Any) -> Rules:
    """The rules that the parameters give. ValueError if one cannot be."""
    values = {name: getattr(parameters, name) for name in RULES}
    for name, value in values.items():
        if not value >= 0:
            raise ValueError(f"{name} {value}: give 0 or more")
    return Rules(**values)


class Task(Node):
    """The centre-out task; for each velocity one cursor and one target, and a trial when it has ended."""

    defaults = {**{name: getattr(Rules, name) for name in RULES}, "seed": 42}

    def setup(self) -> None:
        self.task = CentreOut(rules_of(self.parameters), self.parameters.seed)
        self.trials = 0
        self.successes: list[Outcome] = []

    def start(self) -> None:
        self._report()

    def configure(self, parameters: Any) -> None:
        self.task.rules = rules_of(parameters)

    @on("velocity")
    def move(self, velocity: Any) -> None:
        outcome = self.task.move(velocity.vx, velocity.vy, self.clock.now_ns())
        rules, (x, y), (target_x, target_y) = self.task.rules, self.task.cursor, self.task.target
        self.outputs.cursor.send(x=x, y=y, radius=rules.cursor_radius)
        self.outputs.target.send(
            x=target_x, y=target_y, radius=rules.diameter / 2, state=self.task.look.value
        )
        if outcome is not None:
            self._tell(outcome)

    def _tell(self, outcome: Outcome) -> None:
        self.outputs.trial.send(
            number=outcome.number,
            success=outcome.success,
            target_x=outcome.target[0],
            target_y=outcome.target[1],
            reach_angle_deg=outcome.reach_angle_deg,
            start_x=outcome.start[0],
            start_y=outcome.start[1],
            dwell_s=outcome.dwell_s,
            time_to_target_s=outcome.time_to_target_s,
            start_time_ns=outcome.start_time_ns,
            go_cue_time_ns=outcome.go_cue_time_ns,
            end_time_ns=outcome.end_time_ns,
        )
        self.trials += 1
        if outcome.success:
            self.successes.append(outcome)
        self._report()

    def _report(self) -> None:
        """Trials that have ended, successes among them and among the first ten, and their mean time."""
        times_s = [outcome.time_to_target_s for outcome in self.successes]
        self.report(
            trials=self.trials,
            successes=len(times_s),
            successes_of_first_10=sum(outcome.number <= 10 for outcome in self.successes),
            mean_time_to_target_s=sum(times_s) / len(times_s) if times_s else None,
        )
