"""meshctl delete: stop a graph and forget it."""

from __future__ import annotations

import click

from rtmesh.cli.live_names import complete_graphs
from rtmesh.cli.options import Session, scheduler_option, timeout_option


@click.command(epilog="Example: meshctl delete cursor.")
@click.argument("graph", shell_complete=complete_graphs)
@click.option("--no-wait", is_flag=True, help="Return at once: the graph may still be draining.")
@timeout_option("Wait at most TIME until it is gone; it goes on to be deleted.")
@scheduler_option
def delete(session: Session, graph: str, no_wait: bool, timeout_s: float) -> None:
    """Stop GRAPH if it runs, and forget it: what is in flight is delivered first.

    Returns when nothing of it is left on the mesh.
    """
    from rtmesh.cli.following import wait_until_gone
    from rtmesh.cli.naming import find_graph

    find_graph(session.client, graph)
    session.client.delete(graph)
    if no_wait:
        click.echo(f"graph {graph} is being deleted")
        return
    wait_until_gone(session.client, graph, timeout_s)
    click.echo(f"graph {graph} deleted")
