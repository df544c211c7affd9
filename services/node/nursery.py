"""The nursery of loops: `python -m rtmesh.node.nursery DESCRIPTOR` holds all that a loop process imports."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import rtmesh.node.loop  # noqa: F401 - for the children
from rtmesh.common.nursery import serve


def main(arguments: Sequence[str]) -> int:
    """Serve the channel that is the first argument; the rest keeps room for command lines."""
    return serve(int(arguments[0]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
