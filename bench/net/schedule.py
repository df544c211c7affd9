"""Which session runs when: as the ring's benchmark, but each system has its own cases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.net.cases import CASES
from bench.net.link import Link
from bench.net.systems import MODULES, PACKAGE
from bench.ring.cases import Case
from bench.ring.endpoint import System
from bench.ring.schedule import Runs, Session
from bench.ring.systems import load


def find_systems(names: Iterable[str], link: Link, runs: Runs) -> list[System]:
    """Those that can run here, on the hosts of `link`; the others go into `runs.absent`, with why."""
    for name in names:
        try:
            system = load(f"{PACKAGE}.{MODULES[name]}")
            reason = system.why_absent()
        except (ImportError, OSError) as error:
            runs.absent[name] = f"{error}; `make bench-net` installs what it needs"
            continue
        if reason:
            runs.absent[system.name] = reason
            continue
        system.link = link  # type: ignore[attr-defined]
        runs.systems.append(system)
    return runs.systems


def plan(systems: Sequence[System], cases: Sequence[Case], count: int) -> list[Session]:
    """`count` runs, each over every system."""
    sessions = [
        Session(run, system, tuple(case for case in getattr(system, "cases", CASES) if case in cases))
        for run in range(1, count + 1)
        for system in systems
    ]
    return [session for session in sessions if session.cases]
