"""What all runs of one system in one case come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.figures import Spread, median_of_runs
from bench.ring.cases import Case, Kind
from bench.ring.schedule import Runs
from bench.ring.session import Measured


@dataclass(frozen=True)
class Figures:
    """One system in one case: `figure` is what is compared."""

    figure: float
    spread: Spread | None
    worst: float | None
    slowest_run: float
    fastest_run: float
    sent: int
    lost: int
    sender_cpu_percent: float
    receiver_cpu_percent: float
    runs: int

    def lost_percent(self, case: Case) -> float:
        """Of what all receivers should have had."""
        return 100 * self.lost / (self.sent * case.readers) if self.sent else 0.0


def figures_of(case: Case, runs: Sequence[Measured]) -> Figures | None:
    """None if no run gave one."""
    lost = sum(lost_in(run) for run in runs)
    sent = sum(run.sender.sent for run in runs)
    processor = (
        median(run.sender.cpu_percent for run in runs),
        median(receiver.cpu_percent for run in runs for receiver in run.receivers),
    ) if runs else (0.0, 0.0)  # fmt: skip
    if case.is_latency:
        spreads = [spread for run in runs if (spread := spread_of(run))]
        if not spreads:
            return None
        middle = median_of_runs(spreads)
        p50 = [spread.p50 for spread in spreads]
        worst = max(spread.max for spread in spreads)
        return Figures(middle.p50, middle, worst, max(p50), min(p50), sent, lost, *processor, len(spreads))
    rates = [rate for run in runs if (rate := rate_of(run))]
    if not rates:
        return None
    return Figures(median(rates), None, None, min(rates), max(rates), sent, lost, *processor, len(rates))


def spread_of(run: Measured) -> Spread | None:
    """Of the side that measures: who sent a round trip, who received what was paced."""
    return run.sender.spread if run.case.kind is Kind.ROUND_TRIP else run.receivers[0].spread


def lost_in(run: Measured) -> int:
    """Messages that were sent and did not arrive, over all receivers."""
    if run.case.kind is Kind.ROUND_TRIP:
        return run.sender.sent - run.sender.received
    return sum(run.sender.sent - receiver.received for receiver in run.receivers)


def rate_of(run: Measured) -> float | None:
    """Messages a second after the warm-up, of the slowest receiver; None if one got none."""
    rates = [
        (receiver.received - run.case.warm_up) / receiver.seconds if receiver.seconds > 0 else 0.0
        for receiver in run.receivers
    ]
    return min(rates) or None


def figures_by_system(runs: Runs, case: Case) -> dict[str, Figures]:
    """By the system's name, of those that gave a figure."""
    found: dict[str, Figures] = {}
    for system in runs.systems:
        own = [run for run in runs.measured if run.case == case and run.system == system.name]
        if figures := figures_of(case, own):
            found[system.name] = figures
    return found
