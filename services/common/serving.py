"""Options that every gRPC server and channel of the mesh shares, and binding an address."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Any, Protocol

from rtmesh.common.errors import UnavailableError

_UNLIMITED = -1

# Without so_reuseport 0 a second server silently shares the port of the first. Keepalive on both
# sides: a peer that is cut off is noticed within 5 s, and the server does not take the pings for abuse.
# Of the two timeouts gRPC heeds the second, which is a minute if it is not set; it is not short, since a
# computer whose real-time loops take every CPU answers late.
SERVER_OPTIONS: list[tuple[str, int]] = [
    ("grpc.so_reuseport", 0),
    ("grpc.max_send_message_length", _UNLIMITED),
    ("grpc.max_receive_message_length", _UNLIMITED),
    ("grpc.keepalive_time_ms", 2000),
    ("grpc.keepalive_timeout_ms", 3000),
    ("grpc.http2.ping_timeout_ms", 3000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 1000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 1000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.http2.max_pings_without_data", 0),
]

CHANNEL_OPTIONS: list[tuple[str, int]] = [
    ("grpc.max_send_message_length", _UNLIMITED),
    ("grpc.max_receive_message_length", _UNLIMITED),
    ("grpc.keepalive_time_ms", 2000),
    ("grpc.keepalive_timeout_ms", 3000),
    ("grpc.http2.ping_timeout_ms", 3000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 2000),
    ("grpc.max_reconnect_backoff_ms", 2000),
    # Machines of a laboratory dial each other; a proxy for the web does not know them.
    ("grpc.enable_http_proxy", 0),
    # One connection a channel: two servers of one test must not share one by address.
    ("grpc.use_local_subchannel_pool", 1),
]


_UNIX = "unix:"
_Place = tuple[Any, Any, int, str, Any]  # as socket.getaddrinfo gives it
_IN_USE = "another process may hold it; choose another address or end that process"
_REMEDIES: dict[int | None, str] = {
    errno.EADDRNOTAVAIL: "give an address of this computer, or 0.0.0.0 for all of them",
    errno.ENOENT: "make the folder of the socket first",
    errno.EACCES: "ports below 1024 are for privileged users; choose another port",
    socket.EAI_NONAME: "give an address of this computer, or a name of it",
}


class Binds(Protocol):
    """A grpc.Server, a grpc.aio.Server, or what takes its place."""

    def add_insecure_port(self, address: str) -> int:
        """Bind an address; 0 or RuntimeError if that cannot be."""


def add_port(server: Binds, address: str) -> str:
    """Bind `address` ("unix:PATH" or "HOST:PORT", port 0 for any) and return what was bound.

    Raises:
        UnavailableError: the address cannot be bound.
    """
    _try_bind(address)
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise _cannot_bind(address) from error
    if port == 0:
        raise _cannot_bind(address)
    return address if address.startswith(_UNIX) else f"{address.rsplit(':', 1)[0]}:{port}"


def _try_bind(address: str) -> None:
    """Bind it once before gRPC does: where it cannot, it prints a line of its own and tells no reason."""
    host, _, port = address.rpartition(":")
    if address.startswith(_UNIX) and not Path(address.removeprefix(_UNIX)).parent.is_dir():
        raise _cannot_bind(address, OSError(errno.ENOENT, os.strerror(errno.ENOENT)))
    if address.startswith(_UNIX) or not port.isdecimal():
        return
    try:
        places = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    except OSError as error:
        raise _cannot_bind(address, error) from error
    failures = [failure for place in places if (failure := _failure_to_bind(place)) is not None]
    if len(failures) == len(places):
        raise _cannot_bind(address, failures[0]) from failures[0]


def _failure_to_bind(place: _Place) -> OSError | None:
    family, kind, protocol, _, socket_address = place
    try:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(socket_address)
    except OSError as error:
        return error
    return None


def _cannot_bind(address: str, why: OSError | None = None) -> UnavailableError:
    told = f": {why.strerror}" if why is not None and why.strerror else ""
    remedy = _REMEDIES.get(why.errno if why is not None else None, _IN_USE)
    return UnavailableError(f"cannot listen on {address}{told}", remedy)
