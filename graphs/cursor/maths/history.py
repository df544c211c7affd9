"""The newest bins of spikes, as a decoder needs them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class History:
    """The newest `window` bins of `units` neurons; zero before the first bin of a segment."""

    def __init__(self, window: int, units: int) -> None:
        self._bins = np.zeros((window, units), np.float32)
        self._segment = 0

    def push(self, counts: NDArray[Any], segment: int = 0) -> NDArray[np.float32]:
        """Add the newest bin; float32[window, units], oldest first, valid until the next push."""
        if segment != self._segment:
            self._bins[:] = 0
            self._segment = segment
        self._bins[:-1] = self._bins[1:]
        self._bins[-1] = counts
        return self._bins
