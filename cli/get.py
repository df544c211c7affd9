"""meshctl get: list graphs, nodes, edges or machines."""

from __future__ import annotations

import click

from rtmesh.cli.live_names import complete_graphs
from rtmesh.cli.options import Duration, Session, scheduler_option

KINDS = ["graphs", "nodes", "edges", "machines"]


@click.command(epilog="Examples: meshctl get edges cursor; meshctl get nodes -o json; meshctl get graphs -w.")
@click.argument("kind", type=click.Choice(KINDS), metavar="|".join(KINDS))
@click.argument("graph", default="", shell_complete=complete_graphs)
@click.option(
    "-o", "--output", "form", type=click.Choice(["json", "yaml", "wide"]), help="Another form than the table."
)
@click.option("-w", "--watch", is_flag=True, help="Go on as things change, until Ctrl-C.")
@click.option("--for", "duration_s", type=Duration(), metavar="TIME", help="With -w: end after TIME.")
@scheduler_option
def get(
    session: Session, kind: str, graph: str, form: str | None, watch: bool, duration_s: float | None
) -> None:
    """List what is on the mesh: of all graphs, or of GRAPH.

    Edges show the account (sent = delivered + dropped + in flight), rate, latency, who waits for whom,
    and as of when. With -w a table is redrawn on a terminal; elsewhere each change is a line.
    """
    from rtmesh.cli.listings import Listing, list_kind
    from rtmesh.cli.output import print_listing
    from rtmesh.cli.watching import watch_listing

    if duration_s is not None and not watch:
        raise click.UsageError("--for bounds a watch: give -w too")
    form = form or "table"

    def listed() -> Listing:
        return list_kind(kind, session.client, graph, is_wide=form == "wide")

    if watch:
        watch_listing(
            lambda: list_kind(kind, session.client, graph, is_wide=form == "wide"), form, duration_s
        )
        return
    listing = listed()
    print_listing(listing, form)
    for note in listing.notes if form in ("table", "wide") else ():
        click.echo(f"note: {note}", err=True)
    if not listing.rows:
        click.echo(f"there are no {kind}" + (f" of {graph}" if graph else ""), err=True)
