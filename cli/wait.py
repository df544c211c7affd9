"""meshctl wait: wait until a graph is in a phase."""

from __future__ import annotations

import click

from rtmesh.cli.live_names import complete_graphs
from rtmesh.cli.options import Session, fail, scheduler_option, timeout_option

PHASES = ["running", "completed", "failed", "stopped"]


@click.command(
    epilog="Example: meshctl wait cursor --for running --timeout 20s && meshctl hz decoder.velocity."
)
@click.argument("graph", shell_complete=complete_graphs)
@click.option("--for", "phase", type=click.Choice(PHASES), required=True, help="The phase to wait for.")
@timeout_option("Give up after TIME.")
@scheduler_option
def wait(session: Session, graph: str, phase: str, timeout_s: float) -> None:
    """Wait until GRAPH is running, completed, failed or stopped.

    Exit status 1 after the timeout, or as soon as it can no longer come true; what the graph is
    instead is said.
    """
    from rtmesh.cli.following import wait_for_phase
    from rtmesh.cli.naming import find_graph
    from rtmesh.cli.tables import phase_name

    status = find_graph(session.client, graph)
    outcome = wait_for_phase(session.client, graph, phase, timeout_s)
    status = outcome.status
    now = phase_name(status.phase)
    if not outcome.has_come_true:
        reason = f" ({status.reason})" if status.reason else ""
        fail(f"graph {graph} is {now}{reason}: it will not be {phase}; apply it again to run it anew")
    click.echo(f"graph {graph} {now} (run {status.run})")
