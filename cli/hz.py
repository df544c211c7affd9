"""meshctl hz: measure how often an output sends."""

from __future__ import annotations

import click

from rtmesh.cli.live_names import complete_ports
from rtmesh.cli.options import Duration, Session, form_option, scheduler_option


@click.command(
    epilog="Examples: meshctl hz spiker.spikes; meshctl hz cursor/decoder.velocity --for 5s -o json."
)
@click.argument("port", metavar="[GRAPH/]NODE.PORT", shell_complete=complete_ports("output"))
@click.option(
    "--window", type=click.IntRange(1), default=100, show_default=True, help="Look at so many intervals."
)
@click.option("--for", "duration_s", type=Duration(), metavar="TIME", help="End after TIME, such as 5s.")
@form_option
@scheduler_option
def hz(session: Session, port: str, window: int, duration_s: float | None, form: str) -> None:
    """Measure how often output PORT sends: once a second over the newest WINDOW, at the end over all.

    Told are the rate, the mean, standard deviation, minimum and maximum of the intervals by the times at
    which messages were published, what was missed, and bytes a second. Ends with Ctrl-C, --for, or the
    stream.
    """
    from rtmesh.cli.measuring import Measurement
    from rtmesh.cli.reading import ending_well, read_output

    with read_output(session.client, port) as output:
        measurement = Measurement(output, window, form)
        with ending_well():
            measurement.run(duration_s)
        measurement.conclude()
