"""meshctl context: name schedulers, and choose among them."""

from __future__ import annotations

import click

from rtmesh.cli.contexts import load_contexts
from rtmesh.cli.options import Address, complete_contexts, errors_told


@click.group(epilog="Example: meshctl context add lab 10.0.0.5:7700; meshctl get graphs.")
def context() -> None:
    """Name schedulers, and choose among them.

    The current context says which scheduler a verb talks to; --scheduler, $MESHCTL_SCHEDULER, --context
    and $MESHCTL_CONTEXT go before it. Contexts are kept in ~/.config/rtmesh/contexts.toml, or the file
    that $MESHCTL_CONFIG names.
    """


@context.command("list", epilog="Example: meshctl context list.")
def list_contexts() -> None:
    """List the contexts; * marks the current one."""
    with errors_told():
        contexts = load_contexts()
    width = max(map(len, contexts.addresses), default=0)
    for name, address in sorted(contexts.addresses.items()):
        click.echo(f"{'*' if name == contexts.current else ' '} {name:<{width}}  {address}")
    if not contexts.addresses:
        click.echo(f"no contexts in {contexts.path}: meshctl context add NAME ADDRESS", err=True)


@context.command(epilog="Example: meshctl context use lab.")
@click.argument("name", shell_complete=complete_contexts)
def use(name: str) -> None:
    """Make context NAME the current one."""
    with errors_told():
        contexts = load_contexts()
        contexts.use(name)
        contexts.save()
    click.echo(f"context {name}: {contexts.addresses[name]}")


@context.command(epilog="Example: meshctl context add lab 10.0.0.5:7700.")
@click.argument("name")
@click.argument("address", type=Address())
def add(name: str, address: str) -> None:
    """Add context NAME for the scheduler at ADDRESS; the first one becomes the current one."""
    with errors_told():
        contexts = load_contexts()
        contexts.add(name, address)
        contexts.save()
    is_current = " (current)" if contexts.current == name else ""
    click.echo(f"context {name}: {address}{is_current}")


@context.command(epilog="Example: meshctl context remove lab.")
@click.argument("name", shell_complete=complete_contexts)
def remove(name: str) -> None:
    """Forget context NAME."""
    with errors_told():
        contexts = load_contexts()
        contexts.remove(name)
        contexts.save()
    click.echo(f"context {name} removed")
    if contexts.addresses and not contexts.current:
        click.echo("no context is the current one now: meshctl context use NAME", err=True)
