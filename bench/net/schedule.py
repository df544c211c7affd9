"""The systems that are measured between two hosts."""

from __future__ import annotations

from collections.abc import Iterable

from bench.net.link import Link
from bench.net.systems import MODULES, PACKAGE
from bench.ring import schedule
from bench.ring.endpoint import System
from bench.ring.schedule import Runs


def find_systems(names: Iterable[str], link: Link, runs: Runs) -> list[System]:
    """Those that can run here, on the hosts of `link`; the others go into `runs.absent`, with why."""
    modules = {name: f"{PACKAGE}.{module}" for name, module in MODULES.items()}
    for system in schedule.find_systems(names, runs, modules, "bench-net"):
        system.link = link  # type: ignore[attr-defined]
    return runs.systems
