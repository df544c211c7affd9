"""The relay process: `python -m rtmesh.relay --data ADDRESS --control unix:PATH`."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

import grpc
import uvloop

from rtmesh.common import logs
from rtmesh.common.errors import RtmeshError
from rtmesh.common.processes import die_with_parent
from rtmesh.common.serving import SERVER_OPTIONS, add_port
from rtmesh.relay.carrier import Carrier
from rtmesh.relay.links import LinkBoard
from rtmesh.relay.servicer import RelayControl, add_relay
from rtmesh.v1.relay_pb2_grpc import add_RelayControlServicer_to_server

# How long pulls may take to tell the other side why they ended.
_GRACE_S = 1.0


def main() -> int:
    """Serve until SIGTERM or SIGINT; 1 if an address cannot be bound."""
    options = _options()
    if options.die_with_parent:
        die_with_parent(options.die_with_parent)
    logs.configure("relay")
    try:
        uvloop.run(_serve(options.data, options.control))
    except RtmeshError as error:
        print(f"relay: {error}", file=sys.stderr)
        return 1
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="rtmesh.relay", description="Carries edges between machines.")
    parser.add_argument("--data", required=True, metavar="ADDRESS", help="where other relays pull")
    parser.add_argument("--control", required=True, metavar="ADDRESS", help="where meshd says what to carry")
    parser.add_argument("--die-with-parent", type=int, metavar="PID", help="end when this parent ends")
    return parser.parse_args()


async def _serve(data_address: str, control_address: str) -> None:
    links = LinkBoard()
    carrier = Carrier(links)
    data = grpc.aio.server(options=SERVER_OPTIONS)
    control = grpc.aio.server(options=SERVER_OPTIONS)
    add_relay(data, carrier)
    add_RelayControlServicer_to_server(RelayControl(carrier, links), control)  # type: ignore[no-untyped-call]
    add_port(data, data_address)
    add_port(control, control_address)
    await asyncio.gather(data.start(), control.start())
    print("listening", flush=True)
    await _told_to_stop()
    await carrier.close()
    await asyncio.gather(data.stop(_GRACE_S), control.stop(None))


async def _told_to_stop() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


if __name__ == "__main__":
    sys.exit(main())
