"""Measure nodes: `make bench-nodes`, or `python -m bench.nodes --quick --only typed`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from bench.document import RESULTS, Document, Row, Table, write
from bench.environment import environment, versions_beside
from bench.nodes import chains, summary
from bench.nodes.attempts import Attempts
from bench.nodes.costs import SYSTEMS, Cost
from bench.nodes.figures import Parts
from bench.nodes.redis_rival import RIVALS_PYTHON
from bench.nodes.typed import KINDS, SETTINGS, bare_us, step_us, typed_us
from bench.redis_server import server_version
from bench.report import as_text, write_report

PARTS = ("typed", "chain", "costs")
RIVALS = ("redis", "hiredis", "dora-rs", "ezmsg")
COST_NODES = (1, 7)
FULL_RUNS = 5


@click.command()
@click.option("--quick", is_flag=True, help="Short runs, one of each.")
@click.option("--only", multiple=True, type=click.Choice(PARTS), help="Only these parts; again for more.")
@click.option(
    "--seconds", type=float, help="How long a run of each chain as it comes takes (default 20; 3 if quick)."
)
@click.option("--overwrite", is_flag=True, help="Let a part of it replace results/nodes.json.")
def main(quick: bool, only: tuple[str, ...], seconds: float | None, overwrite: bool) -> None:
    """Measure, and write bench/results/nodes.json and bench/RESULTS.md (a part of it: results/partial)."""
    attempt, done = Attempts(), []
    is_whole = True
    for part in only or PARTS:
        try:
            done.append(_part(part, attempt, quick, seconds))
        except KeyboardInterrupt:
            is_whole = False
            click.echo("interrupted: the parts that were measured until now follow", err=True)
            break
        except Exception as error:  # the other parts are not to be lost with it
            attempt.miss(part, f"{type(error).__name__}: {error}")
    document = _document(done, attempt.notes)
    click.echo(as_text(document))
    is_full = is_whole and not quick and not only and (seconds is None or seconds >= chains.FULL_S)
    _write(document, is_full or overwrite)
    if not is_whole:
        raise SystemExit(1)


def _part(part: str, attempt: Attempts, is_quick: bool, seconds: float | None) -> Parts:
    runs = 1 if is_quick else FULL_RUNS
    if part == "typed":
        return _typed(attempt, runs, 3_000 if is_quick else 20_000)
    return chains.measure(attempt, is_quick, seconds) if part == "chain" else _costs(attempt, runs)


def _typed(attempt: Attempts, runs: int, count: int) -> Parts:
    times: summary.TypedTimes = {}
    for run in range(1, runs + 1):
        for kind in KINDS:
            for setting in SETTINGS:
                what = f"{kind.name}, {setting.name} (run {run} of {runs})"
                bare = attempt(f"bare ring, {what}", bare_us, kind, setting, count)
                sdk = attempt(f"SDK, {what}", typed_us, kind, setting, count)
                if bare and sdk:
                    times.setdefault((kind, setting), []).append((bare, sdk))
    steps = {kind: attempt(f"steps, {kind.name}", step_us, kind, count) for kind in KINDS}
    return summary.typed(times, {kind: step for kind, step in steps.items() if step})


def _costs(attempt: Attempts, runs: int) -> Parts:
    costs: dict[tuple[str, int], list[Cost]] = {}
    for run in range(1, runs + 1):
        for nodes in COST_NODES:
            for name, start in SYSTEMS.items():
                if cost := attempt(f"costs of {name}, {nodes} nodes (run {run} of {runs})", start, nodes):
                    costs.setdefault((name, nodes), []).append(cost)
    return summary.costs(costs, COST_NODES)


def _document(done: Sequence[Parts], notes: list[str]) -> Document:
    rows: list[Row] = [row for part_rows, _ in done for row in part_rows]
    tables: list[Table] = [table for _, part_tables in done for table in part_tables]
    rivals = versions_beside(RIVALS_PYTHON, RIVALS) | {"redis-server": server_version()}
    told = environment(["rtmesh", "protobuf", "numpy"], rivals)
    return Document("Nodes", summary.METHOD, rows, tables, notes=notes, environment=told, order=30)


def _write(document: Document, is_full: bool) -> None:
    folder = RESULTS if is_full else RESULTS / "partial"
    write(document, folder / "nodes.json")
    click.echo(f"{write_report(folder, None if is_full else folder / 'RESULTS.md')} written")


if __name__ == "__main__":
    main()
