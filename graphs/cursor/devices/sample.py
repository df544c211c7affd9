"""What a pointing device tells."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Sample(NamedTuple):
    """One sample: counts to the right and up, the button, and the device's own time (0: it has none)."""

    dx: int
    dy: int
    button: bool = False
    device_time_ns: int = 0


class Source(Protocol):
    """Anything that can be sampled at 200 Hz."""

    def sample(self, now_ns: int) -> Sample:
        """The movement since the last call. Never waits."""
        ...

    def close(self) -> None: ...
