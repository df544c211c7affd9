"""meshctl: the command line of the mesh. Verbs are imported when they are used, to start fast."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem

VERBS = {
    "apply": "Make a graph run on the mesh.",
    "call": "Call a method of a running node.",
    "check": "Check a graph file without running it.",
    "completion": "Print the completion script of a shell.",
    "context": "Name schedulers, and choose among them.",
    "delete": "Stop a graph and forget it.",
    "describe": "Tell all that is known of a graph or a node.",
    "echo": "Print messages as they leave an output.",
    "get": "List graphs, nodes, edges or machines.",
    "hz": "Measure how often an output sends.",
    "logs": "Print the log of a node.",
    "param": "Read and change parameters of a running node.",
    "scheduler": "Run the scheduler of a mesh.",
    "up": "Run a graph here, in this terminal, until it ends.",
    "wait": "Wait until a graph is in a phase.",
}


class _Verbs(click.Group):
    """A group whose commands live in modules of their own name."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted(VERBS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        command: click.Command = getattr(importlib.import_module(f"rtmesh.cli.{name}"), name)
        return command

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        # Without importing the verbs, as format_commands.
        return [
            CompletionItem(name, help=VERBS[name]) for name in sorted(VERBS) if name.startswith(incomplete)
        ]

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        # Without importing the verbs: --help answers before numpy or protobuf could load.
        with formatter.section("Verbs"):
            formatter.write_dl(sorted(VERBS.items()))


@click.group(
    cls=_Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Examples: meshctl up graphs/cursor/graph.yaml --for 20s runs a graph here; "
    "meshctl apply -f graphs/cursor/graph.yaml --wait runs it on the mesh of the current context. "
    "Exit status: 0 done, 1 failed, 2 wrong usage. Data goes to stdout, words to stderr.",
)
@click.version_option(package_name="rtmesh")
def meshctl() -> None:
    """Run real-time dataflow graphs whose nodes are gRPC services."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the command."""
    meshctl.main(args=list(arguments) if arguments is not None else None, prog_name="meshctl")
