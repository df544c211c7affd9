"""Measure nodes: `make bench-nodes`, or `python -m bench.nodes --quick --only typed`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from bench.document import RESULTS, Document, Row, Table, write
from bench.environment import environment
from bench.nodes import summary
from bench.nodes.chain import run_rtmesh
from bench.nodes.costs import SYSTEMS, Cost
from bench.nodes.hops import Chain
from bench.nodes.redis_rival import RivalMissingError, run_redis
from bench.nodes.typed import KINDS, SETTINGS, bare_us, step_us, typed_us
from bench.report import table_text, write_report

Result = TypeVar("Result")
PARTS = ("typed", "chain", "costs")
CHAIN_NODES = (1, 2, 3, 4)
COST_NODES = (1, 7)
RATE_HZ = 1000
FULL_RUNS = 5


@click.command()
@click.option("--quick", is_flag=True, help="Short runs, one of each.")
@click.option("--only", multiple=True, type=click.Choice(PARTS), help="Only these parts; again for more.")
@click.option("--seconds", type=float, help="How long each chain runs (default 60; 3 if quick).")
@click.option("--overwrite", is_flag=True, help="Let a part of it replace results/nodes.json.")
def main(quick: bool, only: tuple[str, ...], seconds: float | None, overwrite: bool) -> None:
    """Measure, and write bench/results/nodes.json and bench/RESULTS.md (a part of it: results/partial)."""
    rows: list[Row] = []
    tables: list[Table] = []
    runs = 1 if quick else FULL_RUNS
    for part in only or PARTS:
        if part == "typed":
            measured = _typed(runs, 3_000 if quick else 20_000)
        elif part == "chain":
            measured = _chain(seconds or (3.0 if quick else 60.0))
        else:
            measured = _costs(runs)
        rows += measured[0]
        tables += measured[1]
    document = Document(
        "Nodes",
        summary.METHOD,
        rows,
        tables,
        environment=environment(["rtmesh", "protobuf", "numpy"]),
        order=30,
    )
    for table in tables:
        click.echo(f"\n{table.title}\n{table_text(table.columns, table.rows)}")
    is_full = overwrite or (not quick and not only and (seconds is None or seconds >= 60))
    folder = RESULTS if is_full else RESULTS / "partial"
    write(document, folder / "nodes.json")
    click.echo(f"{write_report(folder, None if is_full else folder / 'RESULTS.md')} written")


def _typed(runs: int, count: int) -> tuple[list[Row], list[Table]]:
    times: summary.TypedTimes = {}
    for run in range(runs):
        for kind in KINDS:
            for setting in SETTINGS:
                key = (kind, setting)
                bare = _attempt(
                    f"run {run + 1}/{runs}: bare ring, {kind.name}, {setting.name}",
                    bare_us,
                    kind,
                    setting,
                    count,
                )
                sdk = _attempt(
                    f"run {run + 1}/{runs}: SDK, {kind.name}, {setting.name}", typed_us, kind, setting, count
                )
                if bare and sdk:
                    times.setdefault(key, []).append((bare, sdk))
    steps = {kind: _attempt(f"steps, {kind.name}", step_us, kind, count) for kind in KINDS}
    return summary.typed(times, {kind: step for kind, step in steps.items() if step})


def _chain(seconds: float) -> tuple[list[Row], list[Table]]:
    chains: dict[tuple[str, int], Chain] = {}
    for nodes in CHAIN_NODES:
        for name, run in (("rtmesh", run_rtmesh), ("Redis streams", run_redis)):
            if chain := _attempt(f"{name}, {nodes} nodes, {seconds:g} s", run, nodes, RATE_HZ, seconds):
                chains[name, nodes] = chain
    return summary.chain(chains, CHAIN_NODES)


def _costs(runs: int) -> tuple[list[Row], list[Table]]:
    costs: dict[tuple[str, int], list[Cost]] = {}
    for run in range(runs):
        for nodes in COST_NODES:
            for name, start in SYSTEMS.items():
                if cost := _attempt(f"run {run + 1}/{runs}: {name}, {nodes} nodes", start, nodes):
                    costs.setdefault((name, nodes), []).append(cost)
    return summary.costs(costs, COST_NODES)


def _attempt(what: str, function: Callable[..., Result], *arguments: object) -> Result | None:
    """Run it in a folder of its own; None, and said, if it cannot be measured."""
    click.echo(what, err=True)
    with tempfile.TemporaryDirectory(prefix="rtmesh-bench-") as folder:
        try:
            return function(Path(folder), *arguments)
        except (RivalMissingError, RuntimeError) as error:
            click.echo(f"not measured: {error}", err=True)
            return None


if __name__ == "__main__":
    main()
