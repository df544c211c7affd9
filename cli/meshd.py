"""meshd: carry the nodes that a scheduler places on this machine. Its options are rtmesh.machine's."""

from __future__ import annotations

import sys


def main() -> None:
    """Run meshd until SIGTERM or Ctrl-C, and exit with its status."""
    from rtmesh.machine.__main__ import main as meshd

    sys.exit(meshd())
