"""From all runs to the rows and tables of results/ring.json."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from bench.document import Document, Row, compare
from bench.environment import environment
from bench.ring.cases import CASES, PACED_RECEIVER_MOST_CPU_PERCENT, UNITS, Case, Kind
from bench.ring.endpoint import System
from bench.ring.measured import Figures, figures_by_system
from bench.ring.schedule import Runs
from bench.ring.systems import OURS
from bench.ring.tables import case_table, runs_note, settings_table, silent_notes

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
    "CPU is that of the two processes with all their threads, without that of a broker (Redis, dora). Each "
    "rival has the settings that were fastest for the case; the last table names them."
)
TITLE = "The ring beside its rivals"
ASLEEP = "rivals whose receiver sleeps"


def summarize(runs: Runs, cases: Iterable[Case]) -> Document:
    """The whole document, of whatever was measured."""
    cases = [case for case in CASES if case in set(cases)]
    by_case = {case: figures_by_system(runs, case) for case in cases}
    distributions = [name for system in runs.systems for name in system.distributions]
    return Document(
        title=TITLE,
        method=METHOD,
        order=10,
        environment=environment(["numpy", *dict.fromkeys(distributions)]),
        notes=[*runs_note(by_case), *silent_notes(runs, by_case)],
        rows=[row for case in cases for row in _rows(case, by_case[case], runs.systems)],
        tables=[
            *(case_table(case.title, case, by_case[case], runs) for case in cases),
            settings_table(runs.systems),
        ],
    )


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
    is_lossless = ours is None or not ours.lost
    row = compare(
        title,
        UNITS[case.kind],
        "lower" if case.is_latency else "higher",
        ours.figure if ours else None,
        {name: figures.figure for name, figures in rivals.items()},
        target=target,
        stretch=None if target is None else case.stretch,
        also=is_lossless and (is_frugal or case.kind is not Kind.PACED),
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
