"""From all runs to the document of results/net.json."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import median

from bench.document import Document, Table
from bench.environment import environment
from bench.net import breakdown, phases
from bench.net.cases import CASES, title, where
from bench.net.phases import Phase, Turns
from bench.net.rows import BESIDE, EIGHT, LOCAL, STREAMS, TUNED, apart, rows
from bench.net.text import METHOD, TITLE
from bench.ring.cases import Case
from bench.ring.measured import Figures, figures_by_system
from bench.ring.schedule import Runs
from bench.ring.systems import OURS
from bench.ring.tables import Found, case_table, runs_note, settings_table, silent_notes

# Beside the breakdown: the same way with less in it.
APART = (LOCAL, "TCP socket", *STREAMS, *TUNED, OURS)


def summarize(runs: Runs, cases: Iterable[Case], kind: str, notes: Sequence[str] = ()) -> Document:
    """The whole document, of whatever was measured over a link of this kind; `notes` stand first."""
    turns = _turns(runs)
    found = {case: _by_system(runs, case, turns) for case in CASES if case in set(cases)}
    distributions = [name for system in runs.systems for name in system.distributions]
    return Document(
        title=TITLE,
        method=METHOD.format(link=kind),
        order=40,
        environment=environment(["numpy", *dict.fromkeys(distributions)]),
        notes=[
            *notes,
            *runs_note(found),
            *(note for system in runs.systems for note in system.notes()),
            *silent_notes(runs, found),
        ],
        rows=list(rows(found, turns)),
        tables=[
            *_breakdowns(runs, found),
            *(case_table(_heading(case), case, found[case], runs) for case in found),
            *([phases.table(turns)] if turns else []),
            settings_table(runs.systems),
        ],
    )


def _heading(case: Case) -> str:
    named = title(case)
    return named[0].upper() + named[1:]


def _turns(runs: Runs) -> list[Turns]:
    return [turns for system in runs.systems for turns in getattr(system, "turns", [])]


def _by_system(runs: Runs, case: Case, turns: Sequence[Turns]) -> dict[str, Figures]:
    found = figures_by_system(runs, case)
    if EIGHT in found:
        # Eight readers have each what counts as sent once.
        found[EIGHT] = replace(found[EIGHT], lost=found[EIGHT].lost + 7 * found[EIGHT].sent)
    if whole := found.pop(BESIDE, None):
        found.update(_phase_beside(whole, turns))
    return found


def _phase_beside(whole: Figures, turns: Sequence[Turns]) -> dict[str, Figures]:
    """The rate of a whole session mixes unlike phases: that of the phase instead, if it was there."""
    rates = [each.rate(Phase.BESIDE) for each in turns]
    if not rates:
        return {}
    figure, least, most = median(rates), min(rates), max(rates)
    return {BESIDE: replace(whole, figure=figure, slowest_run=least, fastest_run=most, runs=len(rates))}


def _breakdowns(runs: Runs, found: Found) -> Iterable[Table]:
    for system in runs.systems:
        for case, noted in getattr(system, "stations", {}).items():
            if legs := breakdown.medians_us(noted):
                yield breakdown.table(where(case), legs, apart(found.get(case, {}), APART))
