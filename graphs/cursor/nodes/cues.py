"""Cues: reaches in eight directions instead of a person, for calibration."""

from __future__ import annotations

from typing import Any

from maths.cues import RATE_HZ, SAMPLES, cue_velocity
from maths.pace import times_real_time

from rtmesh import Node, every


def rate_hz(parameters: Any) -> float:
    """Samples a second: 100 in real time, without a limit for `speed: max`."""
    return RATE_HZ * times_real_time(parameters.speed)


class Cues(Node):
    """Plays `cues` reaches, then ends, and the graph with it. The samples are the same at any speed."""

    defaults = {"cues": 64, "peak": 25.0, "speed": "max"}

    def setup(self) -> None:
        self.sent = 0

    @every(hz=rate_hz)
    def play(self) -> None:
        cue, sample = divmod(self.sent, SAMPLES)
        if cue >= self.parameters.cues:
            self.finish()
            return
        if sample == 0:
            self.movement = cue_velocity(cue, self.parameters.peak)
        dx, dy = self.movement[sample]
        self.outputs.velocity.send(dx=int(dx), dy=int(dy))
        self.sent += 1
