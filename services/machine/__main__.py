"""`python -m rtmesh.machine`, and the command `meshd`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rtmesh.machine import options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run meshd; 0 when it was stopped, 1 if it could not run. Wrong usage exits with 2."""
    given = options.parse(arguments)
    # Not above: help must not wait for gRPC.
    spare = None
    if given.parent_process_id:
        from rtmesh.common.processes import die_with_parent
        from rtmesh.machine.paths import Paths
        from rtmesh.machine.spare import start_spare

        die_with_parent(given.parent_process_id)
        # What its loops import is imported while this process imports gRPC.
        spare = start_spare(Paths(given.runtime_folder, given.machine).folder)
    from rtmesh.common import logs
    from rtmesh.common.errors import RtmeshError
    from rtmesh.machine.faults import told
    from rtmesh.machine.start import run
    from rtmesh.shm import RingError

    logs.configure("meshd", given.machine)
    try:
        run(given, spare)
    except (RtmeshError, RingError, OSError) as error:
        print(f"meshd: {told(error)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
