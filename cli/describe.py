"""meshctl describe: tell all that is known of a graph, a node or a machine."""

from __future__ import annotations

import click

from rtmesh.cli.live_names import complete_graphs, complete_machines, complete_nodes
from rtmesh.cli.options import Session, scheduler_option

KINDS = ["graph", "node", "machine"]


def _complete_name(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    completes = {"node": complete_nodes, "machine": complete_machines}
    complete = completes.get(context.params.get("kind", ""), complete_graphs)
    return complete(context, parameter, incomplete)


@click.command(
    epilog="Examples: meshctl describe graph cursor; meshctl describe node cursor/decoder -o json."
)
@click.argument("kind", type=click.Choice(KINDS), metavar="|".join(KINDS))
@click.argument("name", shell_complete=_complete_name)
@click.option("-o", "--output", "form", type=click.Choice(["json", "yaml"]), help="For programs.")
@scheduler_option
def describe(session: Session, kind: str, name: str, form: str | None) -> None:
    """Tell all of a graph, of a node (GRAPH/NODE, or NODE where that is plain), or of a machine.

    What was asked for, how it is, the account of each edge and who waits for whom, problems, and what
    happened when and why. Of a machine its clock: how far from the scheduler's, give or take what, how
    fast it drifts, and when they were compared last.
    """
    from rtmesh.cli.descriptions import describe_graph, describe_machine, describe_node
    from rtmesh.cli.output import print_document, print_view

    describers = {"graph": describe_graph, "node": describe_node, "machine": describe_machine}
    description = describers[kind](session.client, name)
    if form:
        print_document(description.record, form)
    else:
        print_view(description.view)
