"""Measure the ring beside its rivals: `make bench-ring`, or `python -m bench.ring --quick --only paced`."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench.document import RESULTS, Document, write
from bench.report import number, table_text, write_report
from bench.ring.cases import CASES, select
from bench.ring.schedule import Runs, Session, carry_out, find_systems, plan, steps
from bench.ring.session import Failed, Measured
from bench.ring.summary import summarize
from bench.ring.systems import MODULES

FULL_RUNS = 5
PARTIAL = RESULTS / "partial"


@click.command()
@click.option("--quick", is_flag=True, help="Shorter measurements, and one run unless --runs says more.")
@click.option("--only", multiple=True, metavar="CASE", help="Cases whose name holds this; again for more.")
@click.option("--systems", metavar="A,B", help=f"Of: {', '.join(MODULES)}.")
@click.option("--runs", type=click.IntRange(min=1), help=f"How often, interleaved (default {FULL_RUNS}).")
@click.option("--overwrite", is_flag=True, help="Let a partial measurement replace results/ring.json.")
@click.option("--list", "is_listing", is_flag=True, help="Name the cases and the systems, and end.")
def main(
    quick: bool,
    only: tuple[str, ...],
    systems: str | None,
    runs: int | None,
    overwrite: bool,
    is_listing: bool,
) -> None:
    """Measure, and write bench/results/ring.json and bench/RESULTS.md (a part of it: results/partial)."""
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
    sessions = plan(find_systems(names, done), cases, count)
    is_whole = measure(sessions, done, quick)
    is_full = is_whole and not quick and len(cases) == len(CASES) and len(names) == len(MODULES)
    document = summarize(done, cases)
    show(document)
    _write(document, is_full and count >= FULL_RUNS or overwrite)
    if not is_whole:
        raise SystemExit(1)


def _names(systems: str | None) -> list[str]:
    names = systems.split(",") if systems else list(MODULES)
    if unknown := [name for name in names if name not in MODULES]:
        raise click.UsageError(f"no system is called {unknown[0]}; there are: {', '.join(MODULES)}")
    return names


def measure(sessions: list[Session], runs: Runs, is_quick: bool) -> bool:
    """False if it was interrupted: what was measured until then is kept."""
    signal.signal(signal.SIGTERM, _interrupt)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("starting", total=sum(1 for _ in steps(sessions)))
        count = max((session.run for session in sessions), default=0)

        def tell(session: Session, result: Measured | Failed) -> None:
            what = f"run {session.run}/{count}  {result.system}  {result.case.key}"
            progress.update(task, advance=1, description=what)
            if isinstance(result, Failed):
                progress.console.print(f"{what}: {result.reason}", style="red", markup=False)

        try:
            carry_out(sessions, runs, is_quick, tell)
        except KeyboardInterrupt:
            console.print("interrupted: what was measured until now follows")
            return False
    return True


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def show(document: Document) -> None:
    for table in document.tables:
        click.echo(f"\n{table.title}\n{table_text(table.columns, table.rows)}")
    columns = ["case", "rtmesh", "best rival", "its figure", "ratio", "target", "met"]
    rows = [
        [row.case, number(row.ours), row.best_rival, number(row.best_rival_figure), number(row.ratio)]
        + [number(row.target), str(row.met)]
        for row in document.rows
    ]
    click.echo(table_text(columns, rows))
    for note in document.notes:
        click.echo(f"- {note}")


def _write(document: Document, is_full: bool) -> None:
    path = (RESULTS if is_full else PARTIAL) / "ring.json"
    write(document, path)
    written: list[Path] = [path]
    if is_full:
        written.append(write_report(RESULTS))
    click.echo(f"\nwritten: {', '.join(str(each) for each in written)}")


if __name__ == "__main__":
    main()
