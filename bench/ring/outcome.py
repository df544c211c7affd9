"""What one process says of one case."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass
from typing import Any

from bench.figures import Spread


@dataclass(frozen=True)
class Outcome:
    """`spread` in microseconds; `seconds` from the first message that counts to the last."""

    sent: int = 0
    received: int = 0
    seconds: float = 0.0
    cpu_percent: float = 0.0
    spread: Spread | None = None

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> Outcome:
        """The inverse of dataclasses.asdict."""
        spread = values.pop("spread")
        return cls(spread=Spread(**spread) if spread else None, **values)


class ProcessorTime:
    """How much of a CPU this process uses, all its threads together."""

    def __init__(self) -> None:
        self._cpu, self._wall = _cpu_seconds(), time.perf_counter()

    def percent(self) -> float:
        """Of one CPU, since this was made."""
        return 100 * (_cpu_seconds() - self._cpu) / max(time.perf_counter() - self._wall, 1e-9)


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
