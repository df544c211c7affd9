"""`python -m rtmesh.scheduler`: the scheduler of a mesh.

Prints one line, `listening ADDRESS`, when it is ready; logs go to stderr. Ends well on SIGTERM and SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import grpc
import uvloop

from rtmesh.common import logs
from rtmesh.common.errors import FailedPreconditionError, InvalidArgumentError, RtmeshError, UnavailableError
from rtmesh.common.logs import get_logger
from rtmesh.common.processes import die_with_parent
from rtmesh.common.serving import SERVER_OPTIONS, add_port
from rtmesh.scheduler.server import Server
from rtmesh.scheduler.servicer import MachinesServicer, RefuseMalformed, SchedulerServicer
from rtmesh.scheduler.store import Store
from rtmesh.v1 import machine_pb2_grpc, scheduler_pb2_grpc

UNIX = "unix:"
DATABASE = "scheduler.db"
GRACE_S = 0.5
WHAT_IS_OPEN = (
    "apply, stop and delete graphs, that is run programs on every machine; join as a machine; "
    "read every status, definition and log; without a password and in clear text"
)
log = get_logger()


def main(arguments: list[str] | None = None) -> int:
    """Run the scheduler; 0 when it was stopped, 1 if it could not run."""
    given = _parser().parse_args(arguments)
    logs.configure("scheduler")
    if given.die_with_parent:
        die_with_parent(given.die_with_parent)
    os.umask(0o077)  # socket and database are for their owner only
    try:
        check_address(given.listen, given.insecure)
        if not given.listen.startswith(UNIX):
            log.warning("open to everybody who can reach it", address=given.listen, open=WHAT_IS_OPEN)
        uvloop.run(serve(given.listen, given.state, given.ready_descriptor))
    except (RtmeshError, OSError) as error:
        print(f"scheduler: {error}", file=sys.stderr)
        return 1
    return 0


def check_address(address: str, is_insecure: bool) -> None:
    """Refuse an address that cannot be listened on, or must not be.

    Raises:
        InvalidArgumentError: it is neither unix:PATH nor HOST:PORT.
        FailedPreconditionError: it is open to the network, and nobody said that this is wanted.
        UnavailableError: somebody listens there. (Binding would silently take a unix socket away.)
    """
    if address.startswith(UNIX):
        if _answers(address.removeprefix(UNIX)):
            raise UnavailableError(
                f"another process listens on {address}", "end it or choose another address"
            )
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise InvalidArgumentError(f"{address!r} is no address", "give unix:PATH or HOST:PORT")
    if not is_insecure:
        raise FailedPreconditionError(
            f"{address} would be open to everybody who can reach it",
            "there is no TLS yet; pass --insecure if that is wanted, or listen on unix:PATH",
        )


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
        return True


async def serve(address: str, state_folder: Path, ready_descriptor: int | None = None) -> None:
    """Serve until SIGTERM or SIGINT. Raises RtmeshError, OSError: it cannot start.

    Args:
        ready_descriptor: closed as soon as whoever comes is served.
    """
    state_folder.mkdir(parents=True, exist_ok=True)
    store = Store(state_folder / DATABASE)
    try:
        server = Server(store)
        network = grpc.aio.server(interceptors=[RefuseMalformed()], options=SERVER_OPTIONS)
        _add_services(server, network)
        bound = add_port(network, address)
        stopped = _stop_signal()
        await network.start()
        print(f"listening {bound}", flush=True)
        if ready_descriptor is not None:
            os.close(ready_descriptor)
        await stopped.wait()
        server.close()
        await network.stop(GRACE_S)
    finally:
        store.close()


def _add_services(server: Server, network: grpc.aio.Server) -> None:
    users, machines = SchedulerServicer(server), MachinesServicer(server)
    scheduler_pb2_grpc.add_SchedulerServicer_to_server(users, network)  # type: ignore[no-untyped-call]
    machine_pb2_grpc.add_MachinesServicer_to_server(machines, network)  # type: ignore[no-untyped-call]


def _stop_signal() -> asyncio.Event:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    return stopped


def _parser() -> argparse.ArgumentParser:
    example = "Example: python -m rtmesh.scheduler --listen unix:/run/rtmesh/s.sock --state /var/lib/rtmesh"
    parser = argparse.ArgumentParser(prog="rtmesh.scheduler", description=__doc__, epilog=example)
    parser.add_argument("--listen", required=True, metavar="ADDRESS", help="unix:PATH or HOST:PORT")
    parser.add_argument("--state", type=Path, required=True, help="folder of the scheduler's database")
    parser.add_argument("--insecure", action="store_true", help="listen on HOST:PORT without TLS")
    parser.add_argument("--die-with-parent", type=int, default=0, metavar="PID", help="end with this process")
    parser.add_argument("--ready-descriptor", type=int, metavar="FD", help="close this when it listens")
    return parser


if __name__ == "__main__":
    sys.exit(main())
