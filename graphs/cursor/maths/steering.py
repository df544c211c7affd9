"""A pilot that steers the cursor to the target, about as a person would."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE_S = 0.005  # a sample of the pointer, at 200 Hz
REACTION_S = 0.15  # from a new target until the hand moves
APPROACH = 0.012  # counts a sample for each pixel of distance
TOP_SPEED = 6.0  # counts a sample
SMOOTHING_S = 0.03  # time constant with which the hand follows the intention


class Pilot:
    """Heads for the target at a speed that falls with the distance, has a limit, and changes smoothly."""

    def __init__(self) -> None:
        self._velocity = np.zeros(2)
        self._target: tuple[float, float] | None = None
        self._reaction_left_s = 0.0

    def velocity(
        self, cursor: tuple[float, float], target: tuple[float, float] | None
    ) -> NDArray[np.float64]:
        """The hand's velocity for the next sample, in counts; the target is None while none is shown."""
        intended = self._intention(cursor, target)
        self._velocity = self._velocity + (intended - self._velocity) * SAMPLE_S / (SMOOTHING_S + SAMPLE_S)
        return self._velocity

    def _intention(
        self, cursor: tuple[float, float], target: tuple[float, float] | None
    ) -> NDArray[np.float64]:
        if target != self._target:
            self._target, self._reaction_left_s = target, REACTION_S
        self._reaction_left_s -= SAMPLE_S
        if target is None or self._reaction_left_s > 0:
            return np.zeros(2)
        wanted = APPROACH * (np.array(target) - cursor)
        speed = float(np.hypot(*wanted))
        return wanted if speed <= TOP_SPEED else wanted * (TOP_SPEED / speed)
