"""Measure edges between machines beside their rivals: `make bench-net`, or `python -m bench.net --quick`."""

from __future__ import annotations

import contextlib

import click

from bench.net.cases import CASES
from bench.net.link import LinkError, loopback, veth
from bench.net.schedule import find_systems
from bench.net.summary import summarize
from bench.net.systems import MODULES
from bench.ring.command import Benchmark, Wanted, conclude, measure, options
from bench.ring.schedule import Runs, plan


@click.command()
@options(Benchmark("net", CASES, MODULES))
@click.option("--loopback", "is_loopback", is_flag=True, help="One host, no root; never a full result.")
def main(wanted: Wanted, is_loopback: bool) -> None:
    """Measure, and write bench/results/net.json and bench/RESULTS.md (a part of it: results/partial)."""
    done = Runs()
    try:
        with contextlib.nullcontext(loopback()) if is_loopback else veth() as link:
            sessions = plan(find_systems(wanted.names, link, done), wanted.cases, wanted.runs)
            is_whole = measure(sessions, done, wanted.is_quick)
    except LinkError as error:
        raise click.ClickException(str(error)) from error
    document = summarize(done, wanted.cases, link.kind)
    conclude(wanted, document, is_whole=is_whole, is_result=not is_loopback)


if __name__ == "__main__":
    main()
