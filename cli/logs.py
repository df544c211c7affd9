"""meshctl logs: print the log of a node."""

from __future__ import annotations

import click

from rtmesh.cli.live_names import complete_nodes
from rtmesh.cli.options import Session, scheduler_option


@click.command(epilog="Examples: meshctl logs decoder --tail 20; meshctl logs -f cursor/decoder.")
@click.argument("node", metavar="[GRAPH/]NODE", shell_complete=complete_nodes)
@click.option("-f", "--follow", is_flag=True, help="Go on as the log grows, until Ctrl-C.")
@click.option("--previous", is_flag=True, help="The log of the node's life before this one.")
@click.option(
    "--tail", type=click.IntRange(1), default=None, metavar="N", help="Begin with the last N lines."
)
@scheduler_option
def logs(session: Session, node: str, follow: bool, previous: bool, tail: int | None) -> None:
    """Print what NODE has logged: what it printed, its warnings, its tracebacks.

    It comes from whatever machine the node runs on, also after the node has failed.
    """
    from rtmesh.cli.naming import find_node
    from rtmesh.cli.reading import ending_well

    if follow and previous:
        raise click.UsageError("--previous is over: it does not grow, so -f has nothing to follow")
    with ending_well():
        found = find_node(session.client, node)
        has_logged = False
        for text in session.client.read_log(
            found.graph.name, found.node.name, previous=previous, follow=follow, last_lines=tail or 0
        ):
            has_logged = has_logged or bool(text)
            click.echo(text, nl=False)
        if not has_logged:
            click.echo(f"{found.full_name} has logged nothing", err=True)
