"""meshd: carry the nodes that a scheduler places on this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click


@click.command()
@click.option("--machine", required=True, metavar="NAME", help="This machine's name in graphs.")
@click.option(
    "--scheduler",
    required=True,
    metavar="ADDRESS",
    help="HOST:PORT or unix:PATH of the scheduler.",
)
@click.option(
    "--root", type=click.Path(path_type=Path), default=Path(), help="Folder under which graphs are found [.]."
)
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path),
    help="Folder for sockets, logs, state [XDG_RUNTIME_DIR/rtmesh].",
)
@click.option("--data-address", default="", metavar="ADDRESS", help="Where other machines' relays dial.")
@click.version_option(package_name="rtmesh")
def main(machine: str, scheduler: str, root: Path, folder: Path | None, data_address: str) -> None:
    """Carry the nodes that a scheduler places on this machine, until SIGTERM or Ctrl-C."""
    from rtmesh.machine import __main__ as meshd

    arguments = ["--machine", machine, "--scheduler", scheduler, "--root", str(root)]
    arguments += ["--dir", str(folder or default_folder()), "--data-address", data_address]
    sys.exit(meshd.main(arguments))


def default_folder() -> Path:
    """Where this user's machines keep their files: short, for socket paths hold 107 bytes."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    return Path(base) / "rtmesh" if base else Path(f"/tmp/rtmesh-{os.getuid()}")  # noqa: S108
