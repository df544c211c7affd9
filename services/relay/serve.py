"""What the relay process serves: lanes on the data address, orders on the control address."""

from __future__ import annotations

import gc
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc

from rtmesh.common.serving import SERVER_OPTIONS, add_port
from rtmesh.relay.carrier import Carrier
from rtmesh.relay.http2 import Http2Wire
from rtmesh.relay.links import LinkBoard
from rtmesh.relay.ordinary import OrdinaryWire
from rtmesh.relay.servicer import Relay, RelayControl
from rtmesh.relay.wire import Wire
from rtmesh.v1.relay_pb2_grpc import add_RelayControlServicer_to_server

# How long lanes may take to tell the other side why they ended.
_GRACE_S = 1.0
_CONTROL_THREADS = 8


def serve(machine: str, data_address: str, control_address: str, *, ordinary: bool) -> None:
    """Until SIGTERM or SIGINT.

    Raises:
        UnavailableError: an address cannot be bound.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    wire: Wire = OrdinaryWire() if ordinary else Http2Wire()
    links = LinkBoard()
    carrier = Carrier(machine, links, wire)
    data = wire.listen(Relay(carrier).accept)
    control = grpc.server(ThreadPoolExecutor(_CONTROL_THREADS, "control"), options=SERVER_OPTIONS)
    add_RelayControlServicer_to_server(RelayControl(carrier, links), control)  # type: ignore[no-untyped-call]
    add_port(data, data_address)
    add_port(control, control_address)
    data.start()
    control.start()
    gc.freeze()  # what is there by now stays: it need not be looked through again and again
    print("listening", flush=True)
    stop.wait()
    carrier.close()
    data.stop(_GRACE_S)
    control.stop(None).wait()
