"""From all runs to the rows and tables of results/ring.json."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from bench.document import Cell, Document, Row, Table, compare
from bench.environment import environment
from bench.figures import Spread, median_of_runs
from bench.ring.cases import (
    CASES,
    PACED_RECEIVER_MOST_CPU_PERCENT,
    UNITS,
    Case,
    Kind,
)
from bench.ring.endpoint import System
from bench.ring.schedule import Runs
from bench.ring.session import Measured
from bench.ring.systems import OURS

METHOD = (
    "Two processes for each system (a sender and a receiver; fan-out: 8 receivers); the runs are "
    "interleaved: every system once, then all again. Each figure is the median over the runs of that "
    "figure of one run; `worst` is the largest value of all. Nothing is trimmed; the first messages of a "
    "case are warm-up and do not count, by number (500 of 64 B, 200 of 16 KiB, 50 of 256 KiB, 5 of 4 MiB; "
    "paced at most 100). One loop drives every system (one more those that live in asyncio). Each run has "
    "fresh processes for each group of cases (pinned, default, fan-out) and measures the group with them. "
    "The receiver touches the first and the last byte; a half round trip is half the time from before "
    "`send` to after the touch of the echo, which the other side sends back as it received it. One way: "
    "from a stamp just before `send`, after a sleep to an absolute time, to the return of `receive`. "
    "Saturated and fan-out count what was received, by the slowest receiver. What did not come within 1 s "
    "is lost, and shown. Pinned: one process a CPU. Loaded: a busy loop on each CPU at equal priority. "
    "CPU is that of the two processes with all their threads, without that of a broker (Redis, dora)."
)
TITLE = "The ring beside its rivals"
ASLEEP = "rivals whose receiver sleeps"


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


def summarize(runs: Runs, cases: Iterable[Case]) -> Document:
    """The whole document, of whatever was measured."""
    cases = [case for case in CASES if case in set(cases)]
    by_case = {case: _figures_by_system(runs, case) for case in cases}
    distributions = [name for system in runs.systems for name in system.distributions]
    return Document(
        title=TITLE,
        method=METHOD,
        order=10,
        environment=environment(["numpy", *dict.fromkeys(distributions)]),
        notes=[*_runs_note(by_case), *_silent(runs)],
        rows=[row for case in cases for row in _rows(case, by_case[case], runs.systems)],
        tables=[*(_table(case, by_case[case], runs) for case in cases), settings_table(runs.systems)],
    )


def _figures_by_system(runs: Runs, case: Case) -> dict[str, Figures]:
    found: dict[str, Figures] = {}
    for system in runs.systems:
        own = [run for run in runs.measured if run.case == case and run.system == system.name]
        if figures := figures_of(case, own):
            found[system.name] = figures
    return found


def _rows(case: Case, by_system: dict[str, Figures], systems: Sequence[System]) -> list[Row]:
    """One row beside all; where ours may not take a CPU, one more beside those that do not take one either.

    The target of the paced case, which bounds the receiver's CPU, is judged beside the latter.
    """
    ours = by_system.get(OURS)
    rivals = {name: figures for name, figures in by_system.items() if name != OURS}
    if case.is_pinned or not case.is_latency:
        return [_row(case, ours, rivals, case.title, case.target)]
    polling = {system.name for system in systems if system.polls}
    asleep = {name: figures for name, figures in rivals.items() if name not in polling}
    is_bounded = case.kind is Kind.PACED
    return [
        _row(case, ours, rivals, f"{case.title}, all rivals", None if is_bounded else case.target),
        _row(case, ours, asleep, f"{case.title}, {ASLEEP}", case.target if is_bounded else None),
    ]


def _row(
    case: Case, ours: Figures | None, rivals: dict[str, Figures], title: str, target: float | None
) -> Row:
    is_frugal = ours is None or ours.receiver_cpu_percent <= PACED_RECEIVER_MOST_CPU_PERCENT
    row = compare(
        title,
        UNITS[case.kind],
        "lower" if case.is_latency else "higher",
        ours.figure if ours else None,
        {name: figures.figure for name, figures in rivals.items()},
        target=target,
        stretch=case.stretch,
        also=is_frugal or case.kind is not Kind.PACED,
    )
    return replace(row, note="; ".join(_remarks(case, ours, row.best_rival, rivals)))


def _remarks(case: Case, ours: Figures | None, best: str | None, rivals: dict[str, Figures]) -> Iterator[str]:
    if ours and ours.lost:
        yield f"rtmesh lost {ours.lost} of {ours.sent}"
    if ours and case.kind is Kind.PACED:
        most = PACED_RECEIVER_MOST_CPU_PERCENT
        yield f"its receiver uses {ours.receiver_cpu_percent:.1f} % of a CPU, at most {most:.0f} allowed"
    if best is None:
        return
    if rivals[best].lost:
        yield f"{best} lost {rivals[best].lost_percent(case):.1f} %"
    if case.kind is Kind.PACED:
        yield f"that of {best} {rivals[best].receiver_cpu_percent:.1f} %"


def _runs_note(by_case: dict[Case, dict[str, Figures]]) -> list[str]:
    counts = {figures.runs for found in by_case.values() for figures in found.values()}
    return [f"Figures are medians of {max(counts)} runs, of fewer where a table says so."] if counts else []


def _silent(runs: Runs) -> list[str]:
    absent = [f"**{name}** did not take part: {reason}" for name, reason in runs.absent.items()]
    reasons: dict[tuple[str, str], list[str]] = {}
    for failure in runs.failed:
        keys = reasons.setdefault((failure.system, failure.reason), [])
        if failure.case.key not in keys:
            keys.append(failure.case.key)
    return absent + [
        f"**{system}** failed in {', '.join(keys)}: {reason}" for (system, reason), keys in reasons.items()
    ]


def _table(case: Case, by_system: dict[str, Figures], runs: Runs) -> Table:
    columns, cells = latency_columns(case) if case.is_latency else rate_columns(case)
    silent = [system.name for system in runs.systems if system.name not in by_system]
    nothing: list[Cell] = [None] * (len(columns) - 1)
    rows = [[name, *cells(figures)] for name, figures in _ranked(case, by_system)]
    rows += [[name, *nothing] for name in [*silent, *runs.absent]]
    return Table(case.title, columns, rows)


def _ranked(case: Case, by_system: dict[str, Figures]) -> list[tuple[str, Figures]]:
    return sorted(by_system.items(), key=lambda item: item[1].figure, reverse=not case.is_latency)


Cells = Callable[[Figures], list[Cell]]


def latency_columns(case: Case) -> tuple[list[str], Cells]:
    columns = ["system", "p50 us", "p99 us", "p99.9 us", "max us", "worst us", "p50 of the runs"]
    columns += ["messages", "lost", "runs"]
    is_paced = case.kind is Kind.PACED

    def cells(figures: Figures) -> list[Cell]:
        spread = figures.spread
        assert spread is not None
        span = f"{figures.fastest_run:.3g} to {figures.slowest_run:.3g}"
        processor: list[Cell] = [figures.sender_cpu_percent, figures.receiver_cpu_percent] if is_paced else []
        times: list[Cell] = [spread.p50, spread.p99, spread.p999, spread.max, figures.worst, span]
        return [*times, spread.count, figures.lost, figures.runs, *processor]

    return columns + (["sender CPU %", "receiver CPU %"] if is_paced else []), cells


def rate_columns(case: Case) -> tuple[list[str], Cells]:
    columns = ["system", "messages/s", "GB/s", "of the runs", "sent", "lost", "lost %", "runs"]

    def cells(figures: Figures) -> list[Cell]:
        span = f"{figures.slowest_run:,.0f} to {figures.fastest_run:,.0f}"
        share = figures.lost_percent(case)
        rates: list[Cell] = [figures.figure, figures.figure * case.size / 1e9, span]
        return [*rates, figures.sent, figures.lost, share, figures.runs]

    return columns, cells


def settings_table(systems: Sequence[System]) -> Table:
    return Table("How each system was driven", ["system", "setting"], [[s.name, s.setting] for s in systems])
