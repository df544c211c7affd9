"""Score: how much of the hand's velocity was decoded."""

from __future__ import annotations

from typing import Any

from maths import ridge
from motor_cortex.running_r2 import RunningR2

from rtmesh import Node, on


class Score(Node):
    """Reports R2 of the decoded velocity, x and y.

    A decoded velocity belongs to the truth of its origin: replay sends one truth with each bin. Trials
    that the decoder was fitted on are not scored: its weights say which trials of which recording those are.
    """

    defaults = {"weights": "data/reach_decoder.npz"}

    def setup(self) -> None:
        self.fitted_on = ridge.load(self.folder / self.parameters.weights).about
        self.running = RunningR2()
        self.left_out = 0

    def start(self) -> None:
        self._report()

    def configure(self, parameters: Any) -> None:
        raise ValueError("a running score cannot be changed: start the graph anew")

    @on("velocity", "truth", join="origin")
    def compare(self, velocity: Any, truth: Any) -> None:
        if self._was_fitted(truth):
            self.left_out += 1
        else:
            self.running.add((truth.vx, truth.vy), (velocity.vx, velocity.vy))
        self._report()

    def _was_fitted(self, truth: Any) -> bool:
        about = self.fitted_on
        if truth.recording != about.get("recording"):
            return False
        return bool(about["first_trial"] <= truth.trial <= about["last_trial"])

    def _report(self) -> None:
        r2_x, r2_y = self.running.r2
        self.report(r2_x=r2_x, r2_y=r2_y, bins=self.running.count, left_out=self.left_out)
