"""Measure edges between machines beside their rivals: `make bench-net`, or `python -m bench.net --quick`."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from bench.document import RESULTS, Document, write
from bench.net.cases import CASES, select
from bench.net.link import LinkError, loopback, veth
from bench.net.schedule import find_systems, plan
from bench.net.summary import summarize
from bench.net.systems import MODULES
from bench.report import write_report
from bench.ring.__main__ import FULL_RUNS, PARTIAL, measure, show
from bench.ring.schedule import Runs


@click.command()
@click.option("--quick", is_flag=True, help="Shorter measurements, and one run unless --runs says more.")
@click.option("--only", multiple=True, metavar="CASE", help="Cases whose name holds this; again for more.")
@click.option("--systems", metavar="A,B", help=f"Of: {', '.join(MODULES)}.")
@click.option("--runs", type=click.IntRange(min=1), help=f"How often, interleaved (default {FULL_RUNS}).")
@click.option("--loopback", "is_loopback", is_flag=True, help="One host, no root; never a full result.")
@click.option("--overwrite", is_flag=True, help="Let a partial measurement replace results/net.json.")
@click.option("--list", "is_listing", is_flag=True, help="Name the cases and the systems, and end.")
def main(
    quick: bool,
    only: tuple[str, ...],
    systems: str | None,
    runs: int | None,
    is_loopback: bool,
    overwrite: bool,
    is_listing: bool,
) -> None:
    """Measure, and write bench/results/net.json and bench/RESULTS.md (a part of it: results/partial)."""
    if is_listing:
        click.echo("\n".join([case.key for case in CASES] + ["", *MODULES]))
        return
    names = _names(systems)
    try:
        cases = select(only)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    count = runs or (1 if quick else FULL_RUNS)
    done = Runs()
    try:
        with contextlib.nullcontext(loopback()) if is_loopback else veth() as link:
            is_whole = measure(plan(find_systems(names, link, done), cases, count), done, quick)
    except LinkError as error:
        raise click.ClickException(str(error)) from error
    document = summarize(done, cases, link.kind)
    is_all = len(cases) == len(CASES) and len(names) == len(MODULES) and count >= FULL_RUNS
    show(document)
    _write(document, (is_whole and is_all and not quick and not is_loopback) or overwrite)
    if not is_whole:
        raise SystemExit(1)


def _names(systems: str | None) -> list[str]:
    names = systems.split(",") if systems else list(MODULES)
    if unknown := [name for name in names if name not in MODULES]:
        raise click.UsageError(f"no system is called {unknown[0]}; there are: {', '.join(MODULES)}")
    return names


def _write(document: Document, is_full: bool) -> None:
    path = (RESULTS if is_full else PARTIAL) / "net.json"
    write(document, path)
    written: list[Path] = [path]
    if is_full:
        written.append(write_report(RESULTS))
    click.echo(f"\nwritten: {', '.join(str(each) for each in written)}")


if __name__ == "__main__":
    main()
