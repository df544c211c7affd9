"""How fast something recorded is played."""

from __future__ import annotations

import math

# Beyond it, no deadline could be kept, and soon none could be told from the last.
MOST = 1_000_000


def times_real_time(speed: str) -> float:
    """How many times faster than real time: "1", "10", "0.5"; infinity for "max". ValueError for others."""
    if speed == "max":
        return math.inf
    try:
        factor = float(speed)
    except ValueError:
        factor = math.nan
    if not 0 < factor <= MOST:
        raise ValueError(f"speed {speed!r}: give a number above 0, up to {MOST}, such as 10, or max")
    return factor
