"""Make hand_movement_200hz.npz: a recorded hand, as a pointing device would have told it.

    python graphs/cursor/data/resample.py

The source is the reach graph's recording: the velocity of a monkey's hand in bins of 100 ms, centre-out
reaches. Its first 40 trials (43 s), one after the other, are interpolated linearly to 200 Hz, scaled so
that the fastest sample has 25 counts, and rounded to whole counts, what is rounded off being carried on.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CURSOR = Path(__file__).resolve().parent.parent
SOURCE = CURSOR.parent / "reach" / "data" / "reach_chewie_20131003_bin100ms.npz"
RESULT = CURSOR / "data" / "hand_movement_200hz.npz"
TRIALS = 40
RATE_HZ = 200
PEAK = 25.0

sys.path.insert(0, str(CURSOR))
from maths.counts import Counter  # noqa: E402  (found only with the line above)


def movement() -> NDArray[np.int16]:
    """The velocities, int16[samples, 2]: right and up are positive."""
    source = np.load(SOURCE)
    velocity = source["vel"][source["trial"] < TRIALS]
    bins = np.arange(len(velocity)) + 0.5
    times = np.arange(round(len(velocity) * source["bin_s"] * RATE_HZ)) / (RATE_HZ * source["bin_s"])
    resampled = np.stack([np.interp(times, bins, column) for column in velocity.T], axis=1)
    resampled *= PEAK / np.hypot(*resampled.T).max()
    counter = Counter()
    return np.array([counter.count(sample) for sample in resampled], np.int16)


if __name__ == "__main__":
    np.savez_compressed(RESULT, velocity=movement())
