"""The relay process: `python -m rtmesh.relay --machine NAME --data ADDRESS --control unix:PATH`."""

from __future__ import annotations

import argparse
import sys

from rtmesh.common import logs
from rtmesh.common.errors import RtmeshError
from rtmesh.common.processes import die_with_parent
from rtmesh.relay.serve import serve
from rtmesh.relay.tuning import tune_process


def main() -> int:
    """Serve until SIGTERM or SIGINT; 1 if an address cannot be bound."""
    options = _options()
    if options.die_with_parent:
        die_with_parent(options.die_with_parent)
    logs.configure("relay")
    tune_process()
    try:
        serve(options.machine, options.data, options.control, ordinary=options.ordinary_grpc)
    except RtmeshError as error:
        print(f"relay: {error}", file=sys.stderr)
        return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="rtmesh.relay", description="Carries edges between machines.")
    parser.add_argument("--machine", required=True, metavar="NAME", help="the machine it serves")
    parser.add_argument("--data", required=True, metavar="ADDRESS", help="where other relays dial")
    parser.add_argument("--control", required=True, metavar="ADDRESS", help="where meshd says what to carry")
    parser.add_argument("--die-with-parent", type=int, metavar="PID", help="end when this parent ends")
    parser.add_argument(
        "--ordinary-grpc", action="store_true", help="lanes by the library grpc, which is slower"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
