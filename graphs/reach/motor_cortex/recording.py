"""A recording of binned spikes and the movement that went with them."""

from __future__ import annotations

import hashlib
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BIN_S = 0.1


@dataclass(frozen=True)
class Recorded:
    """What is in a recording.

    Attributes:
        counts: spikes, uint8[bins, units].
        velocity: of the hand in cm/s, float32[bins, 2].
        trial: of each bin, uint32[bins]; time was cut out between two trials.
        identity: SHA-256 of the file, in hex.
    """

    counts: NDArray[np.uint8]
    velocity: NDArray[np.float32]
    trial: NDArray[np.uint32]
    identity: str

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def segment(self) -> NDArray[np.int64]:
        """Of each bin: how many times time was cut out before it."""
        return np.concatenate([[0], np.cumsum(np.diff(self.trial.astype(np.int64)) != 0)])


def load_recording(path: Path) -> Recorded:
    """Read an .npz file with counts, vel, trial and bin_s. Errors name the file and what is wrong with it."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no recording {path}: set the parameter `recording`")
    arrays = _arrays(path)
    counts, velocity, trial = arrays["counts"], arrays["vel"], arrays["trial"]
    _check(path, counts.ndim == 2 and counts.size > 0 and counts.dtype == np.uint8, "counts", counts)
    _check(path, velocity.shape == (len(counts), 2) and velocity.dtype.kind == "f", "vel", velocity)
    _check(path, trial.shape == (len(counts),) and trial.dtype.kind in "ui", "trial", trial)
    if arrays["bin_s"].shape != () or not math.isclose(float(arrays["bin_s"]), BIN_S):
        raise ValueError(f"{path} has bins of {arrays['bin_s']} s: the graph is for bins of {BIN_S} s")
    if not np.isfinite(velocity).all():
        raise ValueError(f"{path}: vel is not finite everywhere: cut out the bins where it is not")
    identity = hashlib.sha256(path.read_bytes()).hexdigest()
    return Recorded(counts, velocity.astype(np.float32), trial.astype(np.uint32), identity)


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        file = np.load(path)
        return {name: file[name] for name in ("counts", "vel", "trial", "bin_s")}
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} is no recording ({error}): it must be an .npz file with counts, vel, trial and bin_s"
        ) from error


def _check(path: Path, is_right: bool, name: str, array: NDArray[Any]) -> None:
    if not is_right:
        raise ValueError(
            f"{path}: {name} is {array.dtype}{list(array.shape)}; a recording has counts uint8[bins, units], "
            "vel float[bins, 2] and trial integer[bins]"
        )
