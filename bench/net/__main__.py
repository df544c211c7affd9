"""Measure edges between machines beside their rivals: `make bench-net`, or `python -m bench.net --quick`."""

from __future__ import annotations

import contextlib
import logging

import click
import structlog

from bench import awake
from bench.net.cases import CASES, HOW_AWAKE
from bench.net.link import LinkError, loopback, veth, why_not_apart
from bench.net.schedule import find_systems
from bench.net.summary import summarize
from bench.net.systems import MODULES
from bench.ring.cases import Case
from bench.ring.command import Benchmark, Wanted, conclude, measure, options
from bench.ring.schedule import Runs, plan


@click.command()
@options(Benchmark("net", CASES, MODULES))
@click.option("--loopback", "is_loopback", is_flag=True, help="One host, no root; never a full result.")
def main(wanted: Wanted, is_loopback: bool) -> None:
    """Measure, and write bench/results/net.json and bench/RESULTS.md (a part of it: results/partial)."""
    # The keepers' decisions are of no interest here, once a session.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    done = Runs()
    cases, notes = possible(wanted.cases)
    for note in notes:
        click.echo(note, err=True)
    try:
        with contextlib.nullcontext(loopback()) if is_loopback else veth() as link:
            sessions = plan(find_systems(wanted.names, link, done), cases, wanted.runs)
            is_whole = measure(sessions, done, wanted.is_quick)
    except LinkError as error:
        raise click.ClickException(str(error)) from error
    document = summarize(done, cases, link.kind, notes)
    conclude(wanted, document, is_whole=is_whole, is_result=not is_loopback)


def possible(cases: tuple[Case, ...]) -> tuple[tuple[Case, ...], list[str]]:
    """Of these cases those that this machine can measure, and what the results must say of the others."""
    notes = [note for note in [awake.held_by_others()] if note]
    reason = awake.why_not() or why_not_apart()
    if reason is None or not any(case.is_awake for case in cases):
        return cases, notes
    notes.append(f"**{HOW_AWAKE}**: this setting was not measured: {reason}")
    return tuple(case for case in cases if not case.is_awake), notes


if __name__ == "__main__":
    main()
