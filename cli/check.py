"""meshctl check: check a graph file without running it."""

from __future__ import annotations

from pathlib import Path

import click

from rtmesh.cli.options import errors_told, settings_option


@click.command()
@click.argument("graph", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@settings_option
def check(graph: Path, settings: tuple[tuple[str, str], ...]) -> None:
    """Check GRAPH: syntax, contracts, types, wiring, parameters.

    All problems are told at once, each with its line and a remedy. What only the machines that run
    the graph can know (modules, processors, how much memory is left) is listed as not checked.
    """
    from rtmesh.cli.loading import load
    from rtmesh.graph.memory import graph_memory, human_bytes

    with errors_told():
        loaded = load(graph, settings)
    spec = loaded.graph
    size = f"{_counted(len(spec.nodes), 'node')}, {_counted(len(spec.edges), 'edge')}"
    click.echo(f"{graph}: {spec.name}: {size}: no problem found")
    for memory in graph_memory(spec):
        need = f"{human_bytes(memory.total_bytes)} ({memory.total_bytes} bytes)"
        click.echo(f"shared memory on {memory.machine}: {need}: {memory.largest()}")
    for note in loaded.unchecked:
        click.echo(f"not checked: {note}", err=True)


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
