"""meshctl up: run a graph here, in this terminal, until it ends."""

from __future__ import annotations

from pathlib import Path

import click

from rtmesh.cli.options import Duration, LoopCpus, errors_told, settings_option
from rtmesh.common.cpus import AUTO


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
@click.option(
    "--keep-awake",
    is_flag=True,
    help="Let no CPU of this computer fall asleep while the graph runs, so that a message wakes a node in a "
    "few us, not 20 to 100. For control loops faster than about 5 ms. It costs power and heat, as idle CPUs "
    "spin. Needs root, or a udev rule (see meshd --help).",
)
@click.option(
    "--loop-cpus",
    type=LoopCpus(),
    default=AUTO,
    metavar="auto|any|LIST",
    help="The CPUs on which nodes run: auto (the default), all of them, and nodes that hand messages to each "
    "other share one while that is quicker; any, where the kernel places them; a list such as 2,3 or 2-5.",
)
def up(
    graph: Path,
    settings: tuple[tuple[str, str], ...],
    duration_s: float | None,
    summary_path: Path | None,
    logs_folder: Path | None,
    keep_awake: bool,
    loop_cpus: str,
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
        meshd_options = ["--loop-cpus", loop_cpus, *_meshd_options(keep_awake)]
        with StopSignals() as signals:
            session = UpSession(
                loaded.graph,
                signals,
                warm,
                duration_s=duration_s,
                logs_folder=logs_folder,
                meshd_options=meshd_options,
            )
            outcome = session.run()
            # Not before: what draws tables takes a while to import.
            from rtmesh.cli.conclusion import conclude

            conclude(outcome, summary_path)


def _meshd_options(keep_awake: bool) -> list[str]:
    """What each meshd is given. Raises RtmeshError if it would refuse."""
    if not keep_awake:
        return []
    from rtmesh.common.cpu_sleep import check_cpus_can_be_kept_awake

    check_cpus_can_be_kept_awake()
    return ["--keep-awake"]
