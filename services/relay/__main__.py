"""The relay process: `python -m rtmesh.relay --machine NAME --data ADDRESS --control unix:PATH`."""

from __future__ import annotations

import argparse
import ctypes
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc

from rtmesh.common import logs
from rtmesh.common.errors import RtmeshError
from rtmesh.common.processes import die_with_parent
from rtmesh.common.serving import SERVER_OPTIONS, add_port
from rtmesh.relay.carrier import Carrier
from rtmesh.relay.links import LinkBoard
from rtmesh.relay.servicer import RelayControl, add_relay
from rtmesh.v1.relay_pb2_grpc import add_RelayControlServicer_to_server

# How long lanes may take to tell the other side why they ended.
_GRACE_S = 1.0
# A lane that another machine dials keeps a thread as long as it lasts.
_MOST_LANES = 1024
_CONTROL_THREADS = 8
# M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_TOP_PAD of malloc.h
_MALLOC = {-3: 500_000_000, -1: 500_000_000, -2: 64 << 20}


def main() -> int:
    """Serve until SIGTERM or SIGINT; 1 if an address cannot be bound."""
    options = _options()
    if options.die_with_parent:
        die_with_parent(options.die_with_parent)
    logs.configure("relay")
    _keep_large_buffers()
    try:
        _serve(options.machine, options.data, options.control)
    except RtmeshError as error:
        print(f"relay: {error}", file=sys.stderr)
        return 1
    return 0


def _keep_large_buffers() -> None:
    """Have malloc keep what is freed: else a large message is mapped, faulted in and unmapped each time."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc has it
    if mallopt is not None:
        for setting, size_bytes in _MALLOC.items():
            mallopt(setting, size_bytes)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="rtmesh.relay", description="Carries edges between machines.")
    parser.add_argument("--machine", required=True, metavar="NAME", help="the machine it serves")
    parser.add_argument("--data", required=True, metavar="ADDRESS", help="where other relays dial")
    parser.add_argument("--control", required=True, metavar="ADDRESS", help="where meshd says what to carry")
    parser.add_argument("--die-with-parent", type=int, metavar="PID", help="end when this parent ends")
    return parser.parse_args()


def _serve(machine: str, data_address: str, control_address: str) -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    links = LinkBoard()
    carrier = Carrier(machine, links)
    data = grpc.server(ThreadPoolExecutor(_MOST_LANES, "lane"), options=SERVER_OPTIONS)
    control = grpc.server(ThreadPoolExecutor(_CONTROL_THREADS, "control"), options=SERVER_OPTIONS)
    add_relay(data, carrier)
    add_RelayControlServicer_to_server(RelayControl(carrier, links), control)  # type: ignore[no-untyped-call]
    add_port(data, data_address)
    add_port(control, control_address)
    data.start()
    control.start()
    print("listening", flush=True)
    stop.wait()
    carrier.close()
    for stopping in (data.stop(_GRACE_S), control.stop(None)):
        stopping.wait()


if __name__ == "__main__":
    sys.exit(main())
