"""Options that every gRPC server and channel of the mesh shares, and binding an address."""

from __future__ import annotations

from typing import Protocol

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


class Binds(Protocol):
    """A grpc.Server, a grpc.aio.Server, or what takes its place."""

    def add_insecure_port(self, address: str) -> int:
        """Bind an address; 0 or RuntimeError if that cannot be."""


def add_port(server: Binds, address: str) -> str:
    """Bind `address` ("unix:PATH" or "HOST:PORT", port 0 for any) and return what was bound.

    Raises:
        UnavailableError: the address cannot be bound.
    """
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise _cannot_bind(address) from error
    if port == 0:
        raise _cannot_bind(address)
    return address if address.startswith("unix:") else f"{address.rsplit(':', 1)[0]}:{port}"


def _cannot_bind(address: str) -> UnavailableError:
    return UnavailableError(
        f"cannot listen on {address}",
        "another process may hold it; choose another address or end that process",
    )
