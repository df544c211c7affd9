"""Headstage: raw frames of a recording, a thousand a second."""

from __future__ import annotations

import math
from typing import Any

from signals.recording import Recording

from rtmesh import Node, every


class Headstage(Node):
    """Plays the recording. Like an amplifier it does not wait: frames that are late are sent at once."""

    defaults = {"rate_hz": 1000.0, "seconds": 0.0}

    def setup(self) -> None:
        self.first_ns = self.sent = 0
        rate_hz, seconds = self.parameters.rate_hz, self.parameters.seconds
        if not (0 <= seconds < math.inf and 0 < rate_hz < math.inf):
            raise ValueError(f"{seconds:g} s at {rate_hz:g} Hz: give 0 s (until stopped) or more, above 0 Hz")
        self.recording = Recording(self.folder)
        self.period_ns = 1e9 / rate_hz
        self.most = round(seconds * rate_hz) or math.inf

    def configure(self, parameters: Any) -> None:
        raise ValueError("a running headstage cannot be changed: start the graph anew")

    @every(hz="parameter:rate_hz")
    def play(self) -> None:
        now_ns = self.clock.now_ns()
        if not self.sent:
            self.first_ns = now_ns
        due = min(1 + round((now_ns - self.first_ns) / self.period_ns), self.most)
        while self.sent < due:
            self.outputs.frames.send(samples=self.recording.frame(self.sent))
            self.sent += 1
        if self.sent == self.most:
            self.finish()

    def teardown(self) -> None:
        self.report(frames=self.sent)
