"""How often a ring is written: over the last reports while it runs, over its life once it is over."""

from __future__ import annotations

from collections import deque

from rtmesh.v1 import status_pb2

WINDOW_NS = 2_000_000_000


class RateWindow:
    """Positions of one ring over about the last two seconds."""

    def __init__(self) -> None:
        self._samples: deque[tuple[int, int]] = deque()

    def add(self, time_ns: int, head: int) -> None:
        """Take a sample; one that is not newer than the last is ignored."""
        if self._samples and time_ns <= self._samples[-1][0]:
            return
        self._samples.append((time_ns, head))
        # The oldest sample kept is the youngest that spans the window, so slow reports still give a rate.
        while len(self._samples) > 2 and time_ns - self._samples[1][0] >= WINDOW_NS:
            self._samples.popleft()

    def rate_hz(self) -> float:
        """Messages a second between the oldest and the newest sample; 0 with fewer than two."""
        if len(self._samples) < 2:
            return 0.0
        (first_ns, first), (last_ns, last) = self._samples[0], self._samples[-1]
        return (last - first) * 1e9 / (last_ns - first_ns)


def lifetime_rate_hz(ring: status_pb2.RingAccount) -> float:
    """Messages a second from the first message to the last; 0 with fewer than two."""
    span_ns = ring.last_time_ns - ring.first_time_ns
    if ring.head < 2 or span_ns <= 0:
        return 0.0
    return (ring.head - 1) * 1e9 / span_ns
