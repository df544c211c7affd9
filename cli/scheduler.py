"""meshctl scheduler: run the scheduler of a mesh."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from rtmesh.cli.options import Address


@click.command(
    epilog="Example: meshctl scheduler --listen 127.0.0.1:7700 --state ~/.local/state/rtmesh --insecure; "
    "then meshctl context add lab 127.0.0.1:7700, and on each machine: "
    "meshd --machine NAME --scheduler 127.0.0.1:7700 --root DIR --insecure."
)
@click.option(
    "--listen",
    required=True,
    type=Address(is_listened_on=True),
    metavar="ADDRESS",
    help="HOST:PORT or unix:PATH; port 0 takes a free one.",
)
@click.option(
    "--state",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder that keeps what should run, made if it is not there.",
)
@click.option("--insecure", is_flag=True, help="Listen on HOST:PORT without TLS, open to who can reach it.")
def scheduler(listen: str, state: Path, insecure: bool) -> None:
    """Run the scheduler, until SIGTERM or Ctrl-C: it holds what should run, and where.

    Prints `listening ADDRESS` when it is ready; its log goes to stderr. Graphs go on to run while it is
    away. Exit status 1 if it cannot listen, or cannot keep its state.
    """
    from rtmesh.scheduler import __main__ as daemon

    arguments = ["--listen", listen, "--state", str(state.expanduser())]
    sys.exit(daemon.main([*arguments, *(["--insecure"] if insecure else [])]))
