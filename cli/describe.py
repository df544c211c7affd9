"""meshctl describe: tell all that is known of a graph or a node."""

from __future__ import annotations

import click

from rtmesh.cli.live_names import complete_graphs, complete_nodes
from rtmesh.cli.options import Session, scheduler_option

KINDS = ["graph", "node"]


def _complete_name(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    complete = complete_nodes if context.params.get("kind") == "node" else complete_graphs
    return complete(context, parameter, incomplete)


@click.command(
    epilog="Examples: meshctl describe graph cursor; meshctl describe node cursor/decoder -o json."
)
@click.argument("kind", type=click.Choice(KINDS), metavar="|".join(KINDS))
@click.argument("name", shell_complete=_complete_name)
@click.option("-o", "--output", "form", type=click.Choice(["json", "yaml"]), help="For programs.")
@scheduler_option
def describe(session: Session, kind: str, name: str, form: str | None) -> None:
    """Tell all of a graph, or of a node (GRAPH/NODE, or NODE where that is plain).

    What was asked for, how it is, the account of each edge and who waits for whom, problems, and what
    happened when and why.
    """
    from rtmesh.cli.descriptions import describe_graph, describe_node
    from rtmesh.cli.output import print_document, print_view

    description = (
        describe_graph(session.client, name) if kind == "graph" else describe_node(session.client, name)
    )
    if form:
        print_document(description.record, form)
    else:
        print_view(description.view)
