"""What is said of many measured values, and of several runs. Nothing is ever trimmed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median


def percentile(ordered: Sequence[float], part: float) -> float:
    """The smallest of the `ordered` values with at least `part` (0 to 1) of all at or below it."""
    if not ordered:
        raise ValueError("no values: a percentile of nothing is not 0")
    return ordered[max(0, math.ceil(len(ordered) * part) - 1)]


@dataclass(frozen=True)
class Spread:
    """How one run's values are spread; microseconds."""

    count: int
    p50: float
    p99: float
    p999: float
    max: float


def spread(values: Iterable[float]) -> Spread:
    """Of the values of one run, all of them. ValueError if there are none."""
    ordered = sorted(values)
    p50, p99, p999 = (percentile(ordered, part) for part in (0.5, 0.99, 0.999))
    return Spread(len(ordered), p50, p99, p999, ordered[-1])


def median_of_runs(runs: Iterable[Spread]) -> Spread:
    """The median of each figure over several runs; `count` is the total. ValueError if there are none."""
    runs = list(runs)
    if not runs:
        raise ValueError("no runs: nothing was measured")
    return Spread(
        sum(run.count for run in runs),
        median(run.p50 for run in runs),
        median(run.p99 for run in runs),
        median(run.p999 for run in runs),
        median(run.max for run in runs),
    )
