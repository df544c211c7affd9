"""`python -m rtmesh.machine`: meshd, with no more than argparse between it and its parent."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rtmesh.common import logs
from rtmesh.common.errors import RtmeshError
from rtmesh.machine.daemon import Options
from rtmesh.machine.start import run


def main(arguments: list[str] | None = None) -> int:
    """Run meshd; 0 when it was stopped, 1 if it could not run."""
    given = _parser().parse_args(arguments)
    logs.configure("meshd", given.machine)
    options = Options(
        machine=given.machine,
        scheduler=given.scheduler,
        root=given.root,
        runtime_folder=given.dir,
        data_address=given.data_address,
        parent_process_id=given.die_with_parent,
    )
    try:
        run(options)
    except (RtmeshError, OSError) as error:
        print(f"meshd: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rtmesh.machine", description=__doc__)
    parser.add_argument("--machine", required=True, help="this machine's name in graphs")
    parser.add_argument("--scheduler", required=True, metavar="ADDRESS", help="unix:PATH or HOST:PORT")
    parser.add_argument("--root", type=Path, default=Path(), help="folder under which graphs are found")
    parser.add_argument("--dir", type=Path, required=True, help="folder for sockets, logs and state")
    parser.add_argument("--data-address", default="", metavar="ADDRESS", help="where other relays dial")
    parser.add_argument("--die-with-parent", type=int, default=0, metavar="PID", help="end with this process")
    return parser


if __name__ == "__main__":
    sys.exit(main())
