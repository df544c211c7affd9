"""Measure the ring beside its rivals: `make bench-ring`, or `python -m bench.ring --quick --only paced`."""

from __future__ import annotations

import click

from bench.ring.cases import CASES
from bench.ring.command import Benchmark, Wanted, conclude, measure, options
from bench.ring.schedule import Runs, find_systems, plan
from bench.ring.summary import summarize
from bench.ring.systems import MODULES


@click.command()
@options(Benchmark("ring", CASES, MODULES))
def main(wanted: Wanted) -> None:
    """Measure, and write bench/results/ring.json and bench/RESULTS.md (a part of it: results/partial)."""
    done = Runs()
    sessions = plan(find_systems(wanted.names, done), wanted.cases, wanted.runs)
    is_whole = measure(sessions, done, wanted.is_quick)
    conclude(wanted, summarize(done, wanted.cases), is_whole=is_whole)


if __name__ == "__main__":
    main()
