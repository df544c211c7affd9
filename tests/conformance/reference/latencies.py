"""Latencies as a list: what a histogram stands for, without its error."""

import math


class Latencies:
    """Every value that was recorded; one below 0 counts as 0."""

    def __init__(self) -> None:
        self._values_ns: list[int] = []

    def add(self, value_ns: int) -> None:
        self._values_ns.append(max(0, value_ns))

    @property
    def count(self) -> int:
        return len(self._values_ns)

    @property
    def max_ns(self) -> int:
        return max(self._values_ns, default=0)

    def percentile_ns(self, q: float) -> int:
        """Value at or below which the part `q` (0 to 1) of all lies; 0 if there are none."""
        if not self._values_ns:
            return 0
        rank = max(1, math.ceil(self.count * q))
        return sorted(self._values_ns)[rank - 1]
