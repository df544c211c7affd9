"""A recorded movement, played again and again."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from devices.sample import Sample
from numpy.typing import NDArray


def load_movement(path: Path) -> NDArray[np.int16]:
    """The velocities in an .npz file: `velocity`, int16[samples, 2], at 200 Hz. Errors name the file."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no recording {path}: set the parameter `path`")
    try:
        velocity = np.load(path)["velocity"]
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no .npz file with an array `velocity` ({error})") from error
    if velocity.dtype != np.int16 or velocity.ndim != 2 or velocity.shape[1] != 2 or not len(velocity):
        raise ValueError(f"{path}: velocity is {velocity.dtype}{list(velocity.shape)}, not int16[samples, 2]")
    return np.asarray(velocity)


class Recording:
    """Plays a recorded movement sample by sample; after the last comes the first."""

    def __init__(self, path: Path) -> None:
        self._velocity = load_movement(path)
        self._next = 0

    def sample(self, now_ns: int) -> Sample:
        """The next sample."""
        dx, dy = self._velocity[self._next]
        self._next = (self._next + 1) % len(self._velocity)
        return Sample(int(dx), int(dy))

    def close(self) -> None:
        """Nothing is held open."""
