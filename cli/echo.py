"""meshctl echo: print messages as they leave an output."""

from __future__ import annotations

import time

import click

from rtmesh.cli.live_names import complete_ports
from rtmesh.cli.options import Session, form_option, scheduler_option


@click.command(
    epilog="Examples: meshctl echo decoder.velocity; meshctl echo cursor/simulator.rates --count 1 --full; "
    "meshctl echo task.trial -o json | jq .outcome."
)
@click.argument("port", metavar="[GRAPH/]NODE.PORT", shell_complete=complete_ports("output"))
@click.option("--count", type=click.IntRange(0), default=0, help="Stop after this many (0: never).")
@form_option
@click.option("--fields", default="", metavar="A,B", help="Show these fields alone.")
@click.option("--no-arrays", is_flag=True, help="Of arrays, show type and shape only.")
@click.option("--full", is_flag=True, help="Show every element of arrays and every character of texts.")
@scheduler_option
def echo(
    session: Session, port: str, count: int, form: str, fields: str, no_arrays: bool, full: bool
) -> None:
    """Print messages as they leave output PORT, from now on, until Ctrl-C or its end.

    Text shows a block for each message: sequence, epoch and age (by this computer's clock), then the
    fields. json prints one object a line. It never slows the node: what this command was too slow for is
    told as a gap on stderr.
    """
    # node_values is used by messages: loaded now, or the first message would look old.
    import rtmesh.client.node_values  # noqa: F401
    from rtmesh.cli.messages import Look, json_line, text_block
    from rtmesh.cli.reading import ending_well, read_output
    from rtmesh.cli.sequences import SequenceWatch

    look = Look(tuple(name for name in fields.split(",") if name), not no_arrays, full)
    watch = SequenceWatch()
    with ending_well(), read_output(session.client, port, count) as output:
        look.check(output.message)
        for message in output:
            if said := watch.note(message.header):
                click.echo(said, err=True)
            click.echo(
                json_line(message, look) if form == "json" else text_block(message, look, time.time_ns())
            )
        if not count:
            click.echo(f"{output.full_name} has ended", err=True)
