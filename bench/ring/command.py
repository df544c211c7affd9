"""What the command lines of the two-process benchmarks share: options, progress, the end."""

from __future__ import annotations

import functools
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench.document import RESULTS, Document, write
from bench.report import as_text, write_report
from bench.ring.cases import Case, select
from bench.ring.schedule import Runs, Session, carry_out, steps
from bench.ring.session import Failed, Measured

FULL_RUNS = 5
PARTIAL = RESULTS / "partial"


@dataclass(frozen=True)
class Benchmark:
    """What can be measured: NAME.json holds its results; `modules` are its systems."""

    name: str
    cases: Sequence[Case]
    modules: Mapping[str, str]


@dataclass(frozen=True)
class Wanted:
    """What a command line asks for."""

    benchmark: Benchmark
    cases: tuple[Case, ...]
    names: list[str]
    runs: int
    is_quick: bool
    overwrites: bool

    @property
    def is_all(self) -> bool:
        """Every case of every system, as long and as often as for the results."""
        whole = len(self.cases) == len(self.benchmark.cases) and len(self.names) == len(
            self.benchmark.modules
        )
        return whole and not self.is_quick and self.runs >= FULL_RUNS


def options(benchmark: Benchmark) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorate a command with the options of all; it gets what is `wanted`."""
    choices = (
        click.option(
            "--quick", is_flag=True, help="Shorter measurements, and one run unless --runs says more."
        ),
        click.option(
            "--only", multiple=True, metavar="CASE", help="Cases whose name holds this; again for more."
        ),
        click.option("--systems", metavar="A,B", help=f"Of: {', '.join(benchmark.modules)}."),
        click.option(
            "--runs", type=click.IntRange(min=1), help=f"How often, interleaved (default {FULL_RUNS})."
        ),
        click.option(
            "--overwrite", is_flag=True, help=f"Let a part of it replace results/{benchmark.name}.json."
        ),
        click.option("--list", "is_listing", is_flag=True, help="Name the cases and the systems, and end."),
    )

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def measured(
            quick: bool,
            only: tuple[str, ...],
            systems: str | None,
            runs: int | None,
            overwrite: bool,
            is_listing: bool,
            **others: Any,
        ) -> None:
            if is_listing:
                click.echo("\n".join([*(case.key for case in benchmark.cases), "", *benchmark.modules]))
                return
            count = runs or (1 if quick else FULL_RUNS)
            cases, names = _cases(benchmark, only), _names(benchmark, systems)
            function(Wanted(benchmark, cases, names, count, quick, overwrite), **others)

        return functools.reduce(lambda command, option: option(command), reversed(choices), measured)

    return decorate


def _cases(benchmark: Benchmark, only: tuple[str, ...]) -> tuple[Case, ...]:
    try:
        return select(only, benchmark.cases)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _names(benchmark: Benchmark, systems: str | None) -> list[str]:
    names = systems.split(",") if systems else list(benchmark.modules)
    if unknown := [name for name in names if name not in benchmark.modules]:
        raise click.UsageError(f"no system is called {unknown[0]}; there are: {', '.join(benchmark.modules)}")
    return names


def measure(sessions: Sequence[Session], runs: Runs, is_quick: bool) -> bool:
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


def conclude(wanted: Wanted, document: Document, *, is_whole: bool, is_result: bool = True) -> None:
    """Show and write what was measured.

    Args:
        is_whole: it was not interrupted; else the exit status is 1.
        is_result: it may stand in the results; --overwrite puts it there in any case.
    """
    click.echo(as_text(document))
    _write(document, wanted.benchmark, wanted.overwrites or (wanted.is_all and is_whole and is_result))
    if not is_whole:
        raise SystemExit(1)


def _write(document: Document, benchmark: Benchmark, is_full: bool) -> None:
    path = (RESULTS if is_full else PARTIAL) / f"{benchmark.name}.json"
    write(document, path)
    written: list[Path] = [path]
    if is_full:
        written.append(write_report(RESULTS))
    click.echo(f"\nwritten: {', '.join(str(each) for each in written)}")
