"""Which session runs when: round-robin over the systems, then again, so that what a run meets all meet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bench.ring.cases import Case, groups
from bench.ring.endpoint import System
from bench.ring.session import Failed, Measured, run_session
from bench.ring.systems import MODULES, load


@dataclass(frozen=True)
class Session:
    """One line of the plan."""

    run: int
    system: System
    cases: tuple[Case, ...]


@dataclass
class Runs:
    """All that was measured so far; an interruption keeps it."""

    measured: list[Measured] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)
    systems: list[System] = field(default_factory=list)


def find_systems(
    names: Iterable[str], runs: Runs, modules: Mapping[str, str] = MODULES, target: str = "bench-ring"
) -> list[System]:
    """Those that can run here; the others go into `runs.absent`, with why and what to do.

    Args:
        modules: where each name leads.
        target: what of the Makefile installs them.
    """
    for name in names:
        try:
            system = load(modules[name])
            reason = system.why_absent()
        except (ImportError, OSError) as error:
            runs.absent[name] = f"{error}; `make {target}` installs what it needs"
            continue
        if reason:
            runs.absent[system.name] = reason
        else:
            runs.systems.append(system)
    return runs.systems


def plan(systems: Sequence[System], cases: Iterable[Case], count: int) -> list[Session]:
    """`count` runs, each over every group of cases and every system that is measured in one of them."""
    alike = groups(cases)
    return [
        Session(run, system, own)
        for run in range(1, count + 1)
        for group in alike
        for system in systems
        if (own := system.own(group))
    ]


def carry_out(
    sessions: Iterable[Session],
    runs: Runs,
    is_quick: bool,
    tell: Callable[[Session, Measured | Failed], None],
) -> None:
    """Into `runs`, one case at a time."""
    for session in sessions:
        for result in run_session(session.system, session.cases, is_quick=is_quick):
            if isinstance(result, Measured):
                runs.measured.append(result)
            else:
                runs.failed.append(result)
            tell(session, result)


def steps(sessions: Iterable[Session]) -> Iterator[Case]:
    """Each case that will be measured, for a progress bar."""
    for session in sessions:
        yield from session.cases
