"""meshctl completion: print the completion script of a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ["bash", "zsh", "fish"]


@click.command(
    epilog='Examples: eval "$(meshctl completion bash)" in ~/.bashrc; '
    'eval "$(meshctl completion zsh)" in ~/.zshrc; '
    "meshctl completion fish > ~/.config/fish/completions/meshctl.fish."
)
@click.argument("shell", type=click.Choice(SHELLS), metavar="|".join(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes verbs, options, and the names that the mesh knows now."""
    shell_class = get_completion_class(shell)
    assert shell_class is not None, "click knows these three"
    root = context.find_root().command
    click.echo(shell_class(root, {}, "meshctl", "_MESHCTL_COMPLETE").source())
