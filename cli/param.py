"""meshctl param: read and change parameters of a running node."""

from __future__ import annotations

import click

from rtmesh.cli.live_names import complete_nodes
from rtmesh.cli.options import Session, form_option, scheduler_option


@click.group(epilog="Examples: meshctl param get decoder; meshctl param set decoder.gain 2.5.")
def param() -> None:
    """Read and change parameters of a running node."""


@param.command(epilog="Examples: meshctl param get cursor/decoder; meshctl param get decoder.gain.")
@click.argument("name", metavar="[GRAPH/]NODE[.PARAMETER]", shell_complete=complete_nodes)
@form_option
@scheduler_option
def get(session: Session, name: str, form: str) -> None:
    """Read parameters of a node: all of them, or the value of one."""
    from rtmesh.cli.parameters import all_lines, connect, one_line, require_field

    owner, _, parameter = name.partition(".")
    with connect(session.client, owner) as node:
        field = require_field(node, parameter) if parameter else None
        message = node.parameters()
    if field is not None:
        click.echo(one_line(message, field, form))
        return
    for line in all_lines(message, form):
        click.echo(line)


# A value may begin with a dash: -2.5 is no option.
@param.command(
    name="set",
    context_settings={"ignore_unknown_options": True},
    epilog="Examples: meshctl param set decoder.gain 2.5; meshctl param set count/counter.rate_hz .inf; "
    "meshctl param set task.hold_s 0.5 task.distance 300.",
)
@click.argument(
    "changes",
    nargs=-1,
    required=True,
    metavar="[GRAPH/]NODE.PARAMETER VALUE [NODE.PARAMETER VALUE]...",
    shell_complete=complete_nodes,
)
@form_option
@scheduler_option
def set_(session: Session, changes: tuple[str, ...], form: str) -> None:
    """Change parameters, and show what they are then.

    Values are written as in the graph file: numbers, true and false, text, [1, 2], {low: 3}. All that is
    given for one node changes together between two of its steps, or, if it is refused, nothing does.
    """
    from rtmesh.cli.parameters import change_each, changed_lines

    for changed in change_each(session.client, _pairs(changes)):
        for line in changed_lines(changed, form):
            click.echo(line)


def _pairs(words: tuple[str, ...]) -> list[tuple[str, str]]:
    if len(words) % 2:
        raise click.UsageError(
            f"{words[-1]!r:.80} has no value: write NODE.PARAMETER VALUE, for example decoder.gain 2.5"
        )
    return list(zip(words[::2], words[1::2]))
