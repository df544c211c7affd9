"""What one run of a chain gave: when each block was sent, and came to each hop."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SHAPE = (1024, 30)
BLOCK_BYTES = SHAPE[0] * SHAPE[1] * 2

Times = NDArray[np.int64]


@dataclass(frozen=True)
class Chain:
    """One run.

    Attributes:
        sent: how many blocks the source sent.
        numbers: of the blocks that came to the end.
        times_ns: a row a block: sent, came to the first hop, …, came to the end. Nothing is left out.
    """

    sent: int
    numbers: Times
    times_ns: Times
    note: str = ""

    @property
    def lost(self) -> int:
        return self.sent - len(np.unique(self.numbers))

    @property
    def whole_us(self) -> list[float]:
        """From the source to the end."""
        return ((self.times_ns[:, -1] - self.times_ns[:, 0]) / 1e3).tolist()

    @property
    def hops_us(self) -> list[list[float]]:
        """Of each hop, from one arrival to the next."""
        return [(column / 1e3).tolist() for column in np.diff(self.times_ns, axis=1).T]


def read_chain(path: Path, nodes: int, sent: int, note: str = "") -> Chain:
    """What the last node of a chain wrote: rows of a number and its times. RuntimeError if nothing came."""
    rows = np.frombuffer(path.read_bytes(), np.int64).reshape(-1, nodes + 2)
    if not len(rows):
        raise RuntimeError("no block came to the end of the chain")
    return Chain(sent, rows[:, 0], rows[:, 1:], note)
