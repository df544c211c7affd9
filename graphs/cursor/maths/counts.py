"""Velocities as a pointing device tells them: whole counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LARGEST = 32767  # int16


class Counter:
    """Rounds velocities to whole counts and carries what was rounded off to the next: nothing is lost."""

    def __init__(self) -> None:
        self._rest = np.zeros(2)

    def count(self, velocity: NDArray[np.float64]) -> tuple[int, int]:
        """The counts (dx, dy) of the next sample."""
        exact = velocity + self._rest
        whole = np.clip(np.rint(exact), -LARGEST, LARGEST)
        self._rest = exact - whole
        return int(whole[0]), int(whole[1])
