"""What must come of the recording, computed all at once and in another way than the nodes do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from signals.frames import CALIBRATION_FRAMES, CHANNELS, SAMPLES, band_cycles
from signals.recording import Recording


class Expected:
    """The sum of the features of any frames in a row, by differences of running sums over the recording."""

    def __init__(self, recording: Recording, multiples: Sequence[float], edges_hz: Sequence[float]) -> None:
        raw = recording.whole().astype(np.float32)
        samples = raw - raw.mean(axis=0)
        self._frames = recording.frames
        bands = [_power(samples, low, high) for low, high in zip(edges_hz, edges_hz[1:])]
        crossings = [_crossings(samples, multiple) for multiple in multiples]
        self._crossings = _running(np.stack(crossings, axis=1))
        self._power = _running(np.stack(bands, axis=1))

    def crossings(self, first: int, last: int) -> NDArray[np.int64]:
        """Of the frames `first` to `last`, from 1: int64[multiples, 256]. None while the RMS is not known."""
        known = max(first, CALIBRATION_FRAMES + 1)
        return self._sum(self._crossings, known - 1, max(last, known - 1))

    def power(self, first: int, last: int) -> NDArray[np.float64]:
        """Of the frames `first` to `last`, from 1: float64[bands, 256]."""
        return self._sum(self._power, first - 1, last)

    def _sum(self, running: NDArray[np.generic], start: int, end: int) -> NDArray[np.generic]:
        """Over the frames start to end - 1, from 0, going round as often as it takes."""
        rounds = end // self._frames - start // self._frames
        return running[end % self._frames] - running[start % self._frames] + rounds * running[-1]


def _crossings(samples: NDArray[np.float32], multiple: float) -> NDArray[np.int64]:
    """How often each channel falls below: int64[frames, 256]. The last sample precedes the first."""
    rms = np.sqrt(np.square(samples, dtype=np.float64).mean(axis=1))
    below = samples < (-multiple * rms).astype(np.float32)[:, np.newaxis]
    fell = below & ~np.roll(below, 1, axis=1)
    return fell.reshape(CHANNELS, -1, SAMPLES).sum(axis=2).T


def _power(samples: NDArray[np.float32], low_hz: float, high_hz: float) -> NDArray[np.float64]:
    """Mean square of the part of each frame that lies in the band: float64[frames, 256]."""
    cycles = band_cycles(low_hz, high_hz)
    frames = samples.reshape(CHANNELS, -1, SAMPLES)
    spectra = [np.fft.rfft(channel)[:, cycles.start : cycles.stop] / SAMPLES for channel in frames]
    return 2 * np.square(np.abs(spectra)).sum(axis=2).T


def _running(frames: NDArray[np.generic]) -> NDArray[np.generic]:
    """Sums of the first 0, 1, … of `frames`."""
    return np.concatenate([np.zeros_like(frames[:1]), np.cumsum(frames, axis=0)])
