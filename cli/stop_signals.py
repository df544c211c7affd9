"""SIGINT, SIGTERM and SIGHUP while a graph runs below a command: the first asks, the second insists."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any, Self

_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """Counts these signals, which do nothing else as long as it is entered; a context manager."""

    def __init__(self) -> None:
        self.count = 0
        self._before: dict[int, Any] = {}

    @property
    def want_stop(self) -> bool:
        """Whether to stop in order."""
        return self.count >= 1

    @property
    def want_end(self) -> bool:
        """Whether to end at once."""
        return self.count >= 2

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._count) for number in _NUMBERS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _count(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
