"""Figures as tables, and the sentences beside them: who was silent, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from bench.document import Cell, Table
from bench.ring.cases import Case, Kind
from bench.ring.endpoint import System
from bench.ring.measured import Figures, lost_in
from bench.ring.schedule import Runs

# By case, then by the system's name.
Found = Mapping[Case, Mapping[str, Figures]]


def runs_note(by_case: Found) -> list[str]:
    """How many runs the figures are medians of."""
    counts = {figures.runs for found in by_case.values() for figures in found.values()}
    return [f"Figures are medians of {max(counts)} runs, of fewer where a table says so."] if counts else []


def silent_notes(runs: Runs, by_case: Found) -> list[str]:
    """Who was absent, failed or gave no figure, and why."""
    absent = [f"**{name}** did not take part: {reason}" for name, reason in runs.absent.items()]
    reasons: dict[tuple[str, str], list[str]] = {}
    for failure in runs.failed:
        keys = reasons.setdefault((failure.system, failure.reason), [])
        if failure.case.key not in keys:
            keys.append(failure.case.key)
    failed = [
        f"**{system}** failed in {', '.join(keys)}: {reason}" for (system, reason), keys in reasons.items()
    ]
    return [*absent, *failed, *_without_a_figure(runs, by_case)]


def _without_a_figure(runs: Runs, by_case: Found) -> Iterator[str]:
    """What ran to its end and lost so much that nothing can be said of it."""
    empty = {
        (run.system, run.case.key): lost_in(run)
        for run in runs.measured
        if run.case in by_case and run.system not in by_case[run.case]
    }
    for (system, key), lost in empty.items():
        yield f"**{system}** gave no figure in {key}: it lost {lost} messages in a run"


def case_table(title: str, case: Case, by_system: Mapping[str, Figures], runs: Runs) -> Table:
    """All systems that the case is measured of, the best first, those without a figure last."""
    columns, cells = latency_columns(case) if case.is_latency else rate_columns(case)
    ranked = sorted(by_system.items(), key=lambda item: item[1].figure, reverse=not case.is_latency)
    silent = [each.name for each in runs.systems if each.own([case]) and each.name not in by_system]
    nothing: list[Cell] = [None] * (len(columns) - 1)
    rows = [[name, *cells(figures)] for name, figures in ranked]
    rows += [[name, *nothing] for name in [*silent, *runs.absent]]
    return Table(title, columns, rows)


Cells = Callable[[Figures], list[Cell]]


def latency_columns(case: Case) -> tuple[list[str], Cells]:
    """Of times; of the CPU too where the receiver must not take one."""
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
    """Of messages a second."""
    columns = ["system", "messages/s", "GB/s", "of the runs", "sent", "lost", "lost %", "runs"]

    def cells(figures: Figures) -> list[Cell]:
        span = f"{figures.slowest_run:,.0f} to {figures.fastest_run:,.0f}"
        share = figures.lost_percent(case)
        rates: list[Cell] = [figures.figure, figures.figure * case.size / 1e9, span]
        return [*rates, figures.sent, figures.lost, share, figures.runs]

    return columns, cells


def settings_table(systems: Sequence[System]) -> Table:
    """What a reader needs to judge whether each was treated fairly."""
    return Table("How each system was driven", ["system", "setting"], [[s.name, s.setting] for s in systems])
