"""meshctl: the command line of the mesh. Verbs are imported when they are used, to start fast."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

import click

_VERBS = {
    "check": "Check a graph file without running it.",
    "up": "Run a graph here, in this terminal, until it ends.",
}


class _Verbs(click.Group):
    """A group whose commands live in modules of their own name."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(_VERBS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _VERBS:
            return None
        command: click.Command = getattr(importlib.import_module(f"rtmesh.cli.{name}"), name)
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        # Without importing the verbs: --help answers before numpy or protobuf could load.
        with formatter.section("Verbs"):
            formatter.write_dl(sorted(_VERBS.items()))


@click.group(
    cls=_Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: meshctl up graphs/cursor/graph.yaml --for 20s. "
    "Exit status: 0 done, 1 failed, 2 wrong usage. Data goes to stdout, words to stderr.",
)
@click.version_option(package_name="rtmesh")
def meshctl() -> None:
    """Run real-time dataflow graphs whose nodes are gRPC services."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the command."""
    meshctl.main(args=list(arguments) if arguments is not None else None, prog_name="meshctl")
