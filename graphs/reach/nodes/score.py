"""Score: how much of the hand's velocity was decoded."""

from __future__ import annotations

from typing import Any

from maths import ridge
from motor_cortex.running_r2 import RunningR2

from rtmesh import Node, on

Velocity = tuple[float, float]


class Score(Node):
    """Reports R2 of the decoded velocity, x and y.

    A decoded velocity belongs to the truth of its origin: replay sends one truth beside each bin, so
    the bin that a velocity derives from and its truth have the same number. Trials that the decoder was
    fitted on are not scored: its weights say which trials of which recording those are.
    """

    defaults = {"weights": "data/reach_decoder.npz"}

    def setup(self) -> None:
        self.fitted_on = ridge.load(self.folder / self.parameters.weights).about
        self.decoded: dict[int, Velocity] = {}
        self.truths: dict[int, Any] = {}
        self.running = RunningR2()
        self.left_out = 0

    def start(self) -> None:
        self._report()

    def configure(self, parameters: Any) -> None:
        raise ValueError("a running score cannot be changed: start the graph anew")

    @on("velocity")
    def take_decoded(self, velocity: Any) -> None:
        number = velocity.header.origin_sequence
        self.decoded[number] = (velocity.vx, velocity.vy)
        self._compare(number)

    @on("truth")
    def take_truth(self, truth: Any) -> None:
        number = truth.header.sequence
        self.truths[number] = truth
        self._compare(number)

    def _compare(self, number: int) -> None:
        """Score the pair of this number if both of it are here."""
        if number not in self.decoded or number not in self.truths:
            return
        truth, decoded = self.truths.pop(number), self.decoded.pop(number)
        if self._was_fitted(truth):
            self.left_out += 1
        else:
            self.running.add((truth.vx, truth.vy), decoded)
        self._report()

    def _was_fitted(self, truth: Any) -> bool:
        about = self.fitted_on
        if truth.recording != about.get("recording"):
            return False
        return bool(about["first_trial"] <= truth.trial <= about["last_trial"])

    def _report(self) -> None:
        r2_x, r2_y = self.running.r2
        self.report(r2_x=r2_x, r2_y=r2_y, bins=self.running.count, left_out=self.left_out)
