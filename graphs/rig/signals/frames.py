"""What a frame is: one millisecond of every channel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CHANNELS = 256
SAMPLES = 30
SAMPLE_RATE_HZ = 30_000
# So long each threshold listens before it knows its RMS: once round the recording.
CALIBRATION_FRAMES = 1000

Samples = NDArray[np.float32]


def band_cycles(low_hz: float, high_hz: float) -> range:
    """The cycles a frame of the frequencies in a band. ValueError if there are none."""
    resolution_hz = SAMPLE_RATE_HZ / SAMPLES
    low, high = (round(frequency / resolution_hz) for frequency in (low_hz, high_hz))
    if not 0 < low < high <= SAMPLES // 2:
        raise ValueError(
            f"a band from {low_hz:g} to {high_hz:g} Hz: give whole kHz, 1000 <= low_hz < high_hz <= 15000"
        )
    return range(low, high)
