"""Threshold: counts how often each channel falls below its threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
from signals.frames import CALIBRATION_FRAMES, CHANNELS, SAMPLES, Samples

from rtmesh import Node, on


class Threshold(Node):
    """Measures the RMS of each channel first, sending zeros; then counts the falls below -multiple * RMS."""

    defaults = {"multiple": 4.0}

    def setup(self) -> None:
        if not self.parameters.multiple > 0:
            raise ValueError(f"multiple {self.parameters.multiple:g}: give one above 0, such as 4")
        self.squares = np.zeros(CHANNELS)
        self.frames = 0
        self.limit: Samples | None = None
        # Whether each sample is below; the first column is the last of the frame before.
        self.below = np.zeros((CHANNELS, SAMPLES + 1), np.bool_)
        self.nothing = np.zeros(CHANNELS, np.uint8)

    def configure(self, parameters: Any) -> None:
        raise ValueError("the multiple of a running threshold cannot be changed: start the graph anew")

    @on("frames")
    def count(self, frame: Any) -> None:
        counts = self.nothing if self.limit is None else self._falls(frame.samples, self.limit)
        self.outputs.crossings.send(counts=counts)
        if self.limit is None:
            self._measure(frame.samples)

    def _falls(self, samples: Samples, limit: Samples) -> Any:
        below = self.below
        np.less(samples, limit, out=below[:, 1:])
        fell = below[:, 1:] > below[:, :-1]
        below[:, 0] = below[:, -1]
        return np.add.reduce(fell.view(np.uint8), axis=1, dtype=np.uint8)

    def _measure(self, samples: Samples) -> None:
        self.squares += np.square(samples, dtype=np.float64).sum(axis=1)
        self.frames += 1
        if self.frames == CALIBRATION_FRAMES:
            rms = np.sqrt(self.squares / (self.frames * SAMPLES))
            self.limit = (-self.parameters.multiple * rms).astype(np.float32)[:, np.newaxis]
            self.below[:, 0] = samples[:, -1] < self.limit[:, 0]
