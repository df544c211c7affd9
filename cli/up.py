"""meshctl up: run a graph here, in this terminal, until it ends."""

from __future__ import annotations

from pathlib import Path

import click

from rtmesh.cli.options import Duration, errors_told, settings_option


@click.command()
@click.argument("graph", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@settings_option
@click.option(
    "--for", "duration_s", type=Duration(), metavar="TIME", help="Stop after TIME, such as 20s or 5m."
)
@click.option(
    "--summary",
    "summary_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the summary as JSON.",
)
@click.option(
    "--logs",
    "logs_folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the logs of nodes and machines in this folder.",
)
def up(
    graph: Path,
    settings: tuple[tuple[str, str], ...],
    duration_s: float | None,
    summary_path: Path | None,
    logs_folder: Path | None,
) -> None:
    """Run GRAPH with a scheduler and one meshd for each machine that it names, all below this command.

    A table shows nodes, edges, rates, latencies and drops while it runs. Ctrl-C (or --for) stops the
    graph cleanly: what is in flight is delivered, then the accounts are printed. A second Ctrl-C ends its
    processes at once, and what is known is printed. Exit status 0 if the graph ended well or was stopped,
    1 if it failed, if a process of the mesh died, or if it was ended at once.

    Example: meshctl up graphs/cursor/graph.yaml --for 20s --set pointer.source=autopilot --summary run.json
    """
    from rtmesh.cli.warm import Warm

    with errors_told(), Warm() as warm:
        # Not before: the other interpreter imports at the same time.
        from rtmesh.cli.loading import load
        from rtmesh.cli.session import UpSession
        from rtmesh.cli.stop_signals import StopSignals
        from rtmesh.cli.writable import check_writable

        loaded = load(graph, settings)
        check_writable(summary_path, logs_folder)
        with StopSignals() as signals:
            session = UpSession(loaded.graph, signals, warm, duration_s=duration_s, logs_folder=logs_folder)
            outcome = session.run()
            # Not before: what draws tables takes a while to import.
            from rtmesh.cli.conclusion import conclude

            conclude(outcome, summary_path)
