"""Replay: plays a recording of binned spikes, and beside each bin what the hand did."""

from __future__ import annotations

from typing import Any

from maths.pace import times_real_time
from motor_cortex.recording import BIN_S, load_recording

from rtmesh import Node, every


def rate_hz(parameters: Any) -> float:
    """Bins a second."""
    return times_real_time(parameters.speed) / BIN_S


class Replay(Node):
    """Plays the recording once, then ends. Each trial is a segment: time was cut out between two of them."""

    defaults = {"recording": "data/reach_chewie_20131003_bin100ms.npz", "speed": "1"}

    def setup(self) -> None:
        self.recorded = load_recording(self.folder / self.parameters.recording)
        self.segment = self.recorded.segment
        self.played = 0

    def configure(self, parameters: Any) -> None:
        if parameters.recording != self.parameters.recording:
            raise ValueError("the recording of a running replay cannot be changed: start the graph anew")

    @every(hz=rate_hz)
    def play(self) -> None:
        if self.played == len(self.recorded):
            self.finish()
            return
        recorded, index = self.recorded, self.played
        vx, vy = recorded.velocity[index]
        self.outputs.bins.send(counts=recorded.counts[index], segment=int(self.segment[index]))
        self.outputs.truth.send(vx=vx, vy=vy, trial=int(recorded.trial[index]), recording=recorded.identity)
        self.played += 1
