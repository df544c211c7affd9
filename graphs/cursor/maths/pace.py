"""How fast something recorded is played."""

from __future__ import annotations

import math


def times_real_time(speed: str) -> float:
    """How many times faster than real time: "1", "10", "0.5"; infinity for "max". ValueError for others."""
    if speed == "max":
        return math.inf
    try:
        factor = float(speed)
    except ValueError:
        factor = math.nan
    if not 0 < factor < math.inf:
        raise ValueError(f"speed {speed!r}: give a number above 0, such as 10, or max")
    return factor
