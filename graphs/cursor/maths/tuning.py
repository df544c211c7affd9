"""Neurons that are tuned to velocity: from a velocity to firing rates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HIGHEST_RATE_HZ = 100.0
HIGHEST_RESTING_RATE_HZ = 20.0


@dataclass(frozen=True)
class Population:
    """rate_i = modulation_i * (tuning_i . velocity) / (sqrt(2) * max_velocity) + resting_rate_i.

    Never below 0. A neuron fires at its resting rate when nothing moves, at HIGHEST_RATE_HZ for the
    fastest movement (both axes at `max_velocity`) along its tuning, and is silent for a fast one
    against it.

    Attributes:
        tuning: unit vectors, float32[neurons, 2].
        modulation_hz, resting_rate_hz: float32[neurons].
        max_velocity: beyond it each axis is clipped.
    """

    tuning: NDArray[np.float32]
    modulation_hz: NDArray[np.float32]
    resting_rate_hz: NDArray[np.float32]
    max_velocity: float

    @classmethod
    def draw(cls, neurons: int, max_velocity: float, seed: int) -> Population:
        """Resting rates from U(0, 20) Hz, tuning in any direction alike."""
        random = np.random.default_rng(seed)
        resting_rate_hz = random.uniform(0, HIGHEST_RESTING_RATE_HZ, neurons).astype(np.float32)
        angle = random.uniform(0, 2 * np.pi, neurons)
        tuning = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
        return cls(tuning, np.float32(HIGHEST_RATE_HZ) - resting_rate_hz, resting_rate_hz, max_velocity)

    def rates_hz(self, dx: float, dy: float) -> NDArray[np.float32]:
        """Firing rates, float32[neurons]."""
        velocity = np.clip(np.array([dx, dy], np.float32), -self.max_velocity, self.max_velocity)
        drive = self.tuning @ velocity / np.float32(np.sqrt(2) * self.max_velocity)
        return np.maximum(self.modulation_hz * drive + self.resting_rate_hz, np.float32(0))
