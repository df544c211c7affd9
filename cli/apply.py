"""meshctl apply: make a graph run on the mesh."""

from __future__ import annotations

from pathlib import Path

import click

from rtmesh.cli.options import Session, fail, scheduler_option, settings_option, timeout_option


@click.command(
    epilog="Example: meshctl apply -f graphs/cursor/graph.yaml --set pointer.source=autopilot --wait."
)
@click.option(
    "-f",
    "--file",
    "file",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="The graph's YAML file, or the folder of a graph.yaml.",
)
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="The folder that is `meshd --root` on every machine [.].",
)
@settings_option
@click.option("--wait", "is_waiting", is_flag=True, help="Return when the graph runs, or cannot.")
@timeout_option("With --wait: wait at most TIME; the graph stays applied.")
@scheduler_option
def apply(
    session: Session,
    file: Path,
    root: Path,
    settings: tuple[tuple[str, str], ...],
    is_waiting: bool,
    timeout_s: float,
) -> None:
    """Make the graph in FILE the one that runs under its name.

    The same graph again changes nothing while it runs. A changed one replaces it, once every machine has said
    that it can carry it; if one cannot, what runs goes on. Every machine must have the same code below its
    --root as there is here.
    """
    from rtmesh.cli.applying import apply_graph, await_running, load_for_mesh

    graph = load_for_mesh(file, root, settings)
    run = apply_graph(session.client, graph)
    if not is_waiting:
        click.echo(f"see how it starts: meshctl wait {graph.name} --for running", err=True)
        return
    if problems := await_running(session.client, graph.name, run, timeout_s):
        fail("\n".join(problems))
