"""R2 of two streams while they come."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class RunningR2:
    """The share of the variance of `truth` that `predicted` explains, x and y."""

    def __init__(self) -> None:
        self.count = 0
        self._sum = np.zeros(2)
        self._squares = np.zeros(2)
        self._residual = np.zeros(2)

    def add(self, truth: tuple[float, float], predicted: tuple[float, float]) -> None:
        """Take one pair."""
        was = np.array(truth)
        self.count += 1
        self._sum += was
        self._squares += was**2
        self._residual += (was - predicted) ** 2

    @property
    def r2(self) -> NDArray[np.float64]:
        """R2 of x and y; not a number where the truth has not varied yet."""
        variation = self._squares - self._sum**2 / max(self.count, 1)
        variation[variation <= 0] = np.nan
        return np.asarray(1 - self._residual / variation)
