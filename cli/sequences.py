"""What the headers of an output tell: what was missed, how often it sends, how evenly."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Any


class SequenceWatch:
    """Compares each header with the one before."""

    def __init__(self) -> None:
        self._epoch = self._sequence = 0
        self.missed = 0
        self.restarts = 0

    def note(self, header: Any) -> str:
        """What happened between the last message and this one, in words; empty if it is the next."""
        epoch, sequence = self._epoch, self._sequence
        self._epoch, self._sequence = header.epoch, header.sequence
        if epoch == 0:
            return ""
        if header.epoch != epoch:
            self.restarts += 1
            return f"epoch {epoch} ended at #{sequence}: the node was started again"
        missed = header.sequence - sequence - 1
        if missed == 0:
            return ""
        self.missed += max(0, missed)
        return f"gap: {missed} messages before #{header.sequence} were not seen"


@dataclass(frozen=True)
class Pace:
    """How often messages came. Intervals are in nanoseconds, None where there was none."""

    messages: int
    missed: int
    rate_hz: float | None
    mean_ns: float | None
    std_ns: float | None
    min_ns: float | None
    max_ns: float | None
    bytes_per_s: float | None


@dataclass(frozen=True)
class _Step:
    """From one message to the next of the same epoch."""

    interval_ns: int
    missed: int
    byte_count: int


class PaceMeter:
    """Measures by when messages were published, so that neither the network nor this program counts.

    A gap tells how many messages were missed: they count in the rate, which is the output's, while its time
    is no interval.

    Args:
        window: how many of the newest steps `newest` looks at.
    """

    def __init__(self, window: int) -> None:
        self._steps: deque[_Step] = deque(maxlen=window)
        self._all = _Sum()
        self._last: tuple[int, int, int] | None = None
        self.messages = 0

    def note(self, header: Any, byte_count: int) -> None:
        self.messages += 1
        last, self._last = self._last, (header.epoch, header.sequence, header.publish_time_ns)
        if last is None or last[0] != header.epoch:
            return
        missed = header.sequence - last[1] - 1
        step = _Step(header.publish_time_ns - last[2], missed, byte_count)
        self._steps.append(step)
        self._all.add(step)

    def newest(self) -> Pace:
        """Over the window."""
        total = _Sum()
        for step in self._steps:
            total.add(step)
        return total.pace(min(self.messages, len(self._steps) + 1))

    def total(self) -> Pace:
        """Over everything."""
        return self._all.pace(self.messages)


class _Sum:
    """Sums of steps; mean and deviation by Welford, which loses no digits however long it goes."""

    def __init__(self) -> None:
        self._duration_ns = self._missed = self._bytes = self._steps = 0
        self._count = 0
        self._mean = self._square = 0.0
        self._min, self._max = math.inf, -math.inf

    def add(self, step: _Step) -> None:
        self._steps += 1
        self._duration_ns += step.interval_ns
        self._missed += step.missed
        self._bytes += step.byte_count
        if step.missed == 0:
            self._add_interval(step.interval_ns)

    def _add_interval(self, interval_ns: int) -> None:
        self._count += 1
        delta = interval_ns - self._mean
        self._mean += delta / self._count
        self._square += delta * (interval_ns - self._mean)
        self._min, self._max = min(self._min, interval_ns), max(self._max, interval_ns)

    def pace(self, messages: int) -> Pace:
        duration_s = self._duration_ns / 1e9
        has_rate, has_intervals = duration_s > 0, self._count > 0
        return Pace(
            messages=messages,
            missed=self._missed,
            rate_hz=(self._steps + self._missed) / duration_s if has_rate else None,
            mean_ns=self._mean if has_intervals else None,
            std_ns=math.sqrt(self._square / self._count) if has_intervals else None,
            min_ns=self._min if has_intervals else None,
            max_ns=self._max if has_intervals else None,
            bytes_per_s=self._bytes / duration_s if has_rate else None,
        )
