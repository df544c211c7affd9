"""The nursery of service processes: holds what they import, but gRPC, which must not be forked.

It is forked by the nursery of loops, so that all share what both import.
"""

from __future__ import annotations

# For the children.
import asyncio  # noqa: F401, I001
import sys
from collections.abc import Sequence

import uvloop  # noqa: F401

import rtmesh.common.logs
import rtmesh.node.loop  # noqa: F401
import rtmesh.node.service_pending
import rtmesh.node.service_taps  # noqa: F401
from rtmesh.common.nursery import serve


def main(arguments: Sequence[str]) -> int:
    """Serve the channel that is the first argument."""
    return serve(int(arguments[0]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
