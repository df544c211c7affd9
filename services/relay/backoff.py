"""How long to wait before trying again."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Backoff:
    """Delays that double from `first_s` up to `longest_s`."""

    first_s: float
    longest_s: float
    _next_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin again: the last attempt succeeded."""
        self._next_s = self.first_s

    def next_s(self) -> float:
        """The delay before the next attempt."""
        delay_s = self._next_s
        self._next_s = min(2 * delay_s, self.longest_s)
        return delay_s
