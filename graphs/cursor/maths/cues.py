"""Cued reaches: eight directions in turn, each a smooth movement of one second."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DIRECTIONS = 8
SAMPLES = 100  # of a cue, which lasts 1.0 s
RATE_HZ = 100.0


def cue_velocity(cue: int, peak: float) -> NDArray[np.int16]:
    """The samples of one reach, int16[SAMPLES, 2].

    Its speed is a Gaussian that reaches `peak` in the middle; three standard deviations on each side
    make up the second.
    """
    time_s = (np.arange(SAMPLES) + 0.5) / RATE_HZ
    speed = peak * np.exp(-0.5 * ((time_s - 0.5) / (1 / 6)) ** 2)
    angle = 2 * np.pi * (cue % DIRECTIONS) / DIRECTIONS
    direction = np.array([np.cos(angle), np.sin(angle)])
    return np.asarray(np.rint(speed[:, None] * direction), np.int16)
