"""The recording: one second of 256 channels at 30 kHz, made of one muscle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray
from signals.frames import CHANNELS, SAMPLES

FILE = "data/emg_30s.npz"
# Each channel hears the muscle so many samples after the one before it: they span the recording once.
DELAY = 117


class Recording:
    """Plays 30 s of EMG thirty times as fast, later on each channel; after the last frame comes the first.

    Attributes:
        frames: after how many frames it begins again.
    """

    def __init__(self, folder: Path) -> None:
        """Read it from a graph's folder. Errors name the file."""
        muscle = _load(folder / FILE)
        self.frames = len(muscle) // SAMPLES
        self._muscle = np.concatenate([muscle, muscle])

    def frame(self, number: int) -> NDArray[np.int16]:
        """Frame `number`, from 0: int16[256, 30], a view."""
        from_here = self._muscle[number % self.frames * SAMPLES :]
        size = self._muscle.itemsize
        return as_strided(from_here, (CHANNELS, SAMPLES), (DELAY * size, size), writeable=False)

    def whole(self) -> NDArray[np.int16]:
        """Every frame once: int16[256, samples]."""
        return np.concatenate([self.frame(number) for number in range(self.frames)], axis=1)


def _load(path: Path) -> NDArray[np.int16]:
    if not path.is_file():
        raise FileNotFoundError(f"there is no recording {path}: copy the whole folder of the graph")
    samples = np.load(path)["samples"]
    if samples.dtype != np.int16 or samples.ndim != 1 or samples.size <= (CHANNELS - 1) * DELAY + SAMPLES:
        raise ValueError(f"{path}: samples is {samples.dtype}{list(samples.shape)}, not int16[30000]")
    return np.asarray(samples)
