"""Make emg_30s.npz from the recording that it is an excerpt of.

    python graphs/rig/data/excerpt.py EMG.TXT

The source is `examples/emg.txt` of BioSPPy: 100 s of EMG, 1 kHz, one value of the converter a line.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RESULT = Path(__file__).resolve().parent / "emg_30s.npz"
FIRST, COUNT = 40_000, 30_000


def excerpt(source: Path) -> NDArray[np.int16]:
    """The samples from 40 s to 70 s, the strongest bursts among them: int16[30000]."""
    return np.loadtxt(source)[FIRST : FIRST + COUNT].astype(np.int16)


if __name__ == "__main__":
    np.savez_compressed(RESULT, samples=excerpt(Path(sys.argv[1])))
