"""`python -m rtmesh.machine`, and the command `meshd`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rtmesh.machine import options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run meshd; 0 when it was stopped, 1 if it could not run. Wrong usage exits with 2."""
    given = options.parse(arguments)
    # Not above: help must not wait for gRPC.
    from rtmesh.common import logs
    from rtmesh.common.errors import RtmeshError
    from rtmesh.machine.faults import told
    from rtmesh.machine.start import run
    from rtmesh.shm import RingError

    logs.configure("meshd", given.machine)
    try:
        run(given)
    except (RtmeshError, RingError, OSError) as error:
        print(f"meshd: {told(error)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
