"""BandPower: the power of each channel in one band."""

from __future__ import annotations

from typing import Any

import numpy as np
from signals.frames import SAMPLES, band_cycles

from rtmesh import Node, on


class BandPower(Node):
    """Projects a frame on the sines and cosines of the band: one product of matrices instead of an FFT."""

    defaults = {"low_hz": 1000.0, "high_hz": 4000.0}

    def setup(self) -> None:
        cycles = np.array(band_cycles(self.parameters.low_hz, self.parameters.high_hz))
        phases = 2 * np.pi * np.outer(np.arange(SAMPLES), cycles) / SAMPLES
        waves = np.concatenate([np.cos(phases), np.sin(phases)], axis=1)
        # Scaled so that the squares add up to the mean square of the samples.
        self.waves = (waves * np.sqrt(2) / SAMPLES).astype(np.float32)

    def configure(self, parameters: Any) -> None:
        raise ValueError("the band of a running node cannot be changed: start the graph anew")

    @on("frames")
    def measure(self, frame: Any) -> None:
        parts = frame.samples @ self.waves
        self.outputs.power.send(power=np.einsum("ij,ij->i", parts, parts))
